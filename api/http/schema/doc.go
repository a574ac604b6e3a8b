// Package schema defines what the HTTP API says, as the JSON that goes over the
// wire: the server's OpenAPI document is made from these types, and the client
// reads into them. Account ids are 40 hexadecimal digits, times are RFC 3339,
// durations are seconds. What is unknown or never happened is left out.
package schema
