// Package browsertest drives the pages in a real browser, with virtual security keys, against the built binary.
//
// It holds tests only. The tests use the words on the page: a field is named by its label, a button or a link by its text. Each
// test has its own server, data directory and browser profile. It fails when the browser's console has an error, when a page
// scrolls sideways, or when axe finds a fault of accessibility.
package browsertest
