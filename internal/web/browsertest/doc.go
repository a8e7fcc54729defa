// Package browsertest drives the pages in a real browser, with virtual security keys, against the built binary.
//
// It holds tests only. A journey is told in the words on the page: what is filled in is named by its label, what is pressed by
// its text. Each journey has its own server, data directory and browser profile, and fails when the browser's console has an
// error, a page scrolls sideways, or axe finds a fault of accessibility.
package browsertest
