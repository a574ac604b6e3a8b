// Package http serves a daemon over HTTP and JSON: every operation, and a stream
// of everything that changes. It translates and has no logic of its own. The
// OpenAPI document at /openapi.json describes all of it; package schema has the
// types, package client a client.
//
//	server, err := http.Listen(http.Config{DataDir: dir}, d)
//	…
//	err = server.Serve(ctx)
//
// Only the user whose daemon it is may use it (threat A17): the API is on a
// socket in a directory of that user's, or on a loopback port where each request
// has to bear a token. Requests that a web page could have caused are refused.
package http
