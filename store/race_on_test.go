//go:build race

package store

// raceDetector tells that tests run many times slower.
const raceDetector = true
