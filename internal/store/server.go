package store

import (
	"strings"
	"time"
)

// Server is a process that serves the database.
type Server struct {
	ID     string
	Name   string // for people: its host and process id
	Keys   []string
	SeenAt time.Time
}

// TouchServer records that a server runs, and which keys it has.
func (tx *Tx) TouchServer(s *Server) error {
	_, err := tx.exec(`insert into server (server_id, name, keys, seen_at) values ($1, $2, $3, $4)
		on conflict (server_id) do update set name = excluded.name, keys = excluded.keys, seen_at = excluded.seen_at`,
		s.ID, s.Name, strings.Join(s.Keys, " "), micros(s.SeenAt))
	return err
}

// Servers lists the servers that were seen after a time.
func (tx *Tx) Servers(after time.Time) ([]Server, error) {
	return list(tx, func(row scanner) (s Server, err error) {
		var keys string
		err = row.Scan(&s.ID, &s.Name, &keys, instant{&s.SeenAt})
		s.Keys = strings.Fields(keys)
		return s, err
	}, `select server_id, name, keys, seen_at from server where seen_at > $1 order by name, server_id`, micros(after))
}

// DeleteServer forgets a server, and those that were not seen after a time.
func (tx *Tx) DeleteServer(id string, before time.Time) error {
	_, err := tx.exec(`delete from server where server_id = $1 or seen_at <= $2`, id, micros(before))
	return err
}
