package web

// Patterns are the addresses of the route table, with whether they need a session.
func Patterns() map[string]bool {
	patterns := make(map[string]bool)
	for _, r := range routes {
		patterns[r.pattern] = r.access != open
	}
	return patterns
}

// Messages are the texts of all messages, by key.
func Messages() map[string]string {
	texts := make(map[string]string)
	for key, m := range messages {
		texts[key] = m.Text
	}
	return texts
}
