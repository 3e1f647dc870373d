// Package registrytest is a schema registry on this machine: an http.Handler
// that speaks as much of the Schemas API as the router's commands call, for
// tests through the real client. It is safe for concurrent use.
package registrytest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
)

// pageSize is small, so that every list of more than a few has pages.
const pageSize = 7

// A Server holds registries by name, each with the versions of its schemas.
type Server struct {
	mu         sync.Mutex
	registries map[string]map[string][]string
	failures   int
	status     int
	failure    string
	writes     int
}

// New makes a server without registries.
func New() *Server { return &Server{registries: make(map[string]map[string][]string)} }

// Put adds a version to a schema, and the registry where it is new.
func (s *Server) Put(registry, name, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registries[registry] == nil {
		s.registries[registry] = make(map[string][]string)
	}
	s.registries[registry][name] = append(s.registries[registry][name], content)
}

// FailNext makes the next n requests fail with that status and error.
func (s *Server) FailNext(n, status int, failure string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures, s.status, s.failure = n, status, failure
}

// Writes counts the requests that would have changed something.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodGet {
		s.writes++
	}
	if s.failures > 0 {
		s.failures--
		fail(w, s.status, s.failure)
		return
	}
	// The path is /v1/registries/name/R/schemas[/name/S[/versions]].
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/registries/name/"), "/")
	registry := s.registries[path[0]]
	switch {
	case registry == nil || len(path) < 2 || path[1] != "schemas":
		fail(w, http.StatusNotFound, "NotFoundException")
	case len(path) == 2:
		listSchemas(w, r, registry)
	default:
		name, versions := strings.Join(path[3:], "/"), false
		name, versions = strings.CutSuffix(name, "/versions")
		switch {
		case r.Method != http.MethodGet:
			write(w, r, registry, name)
		case len(registry[name]) == 0:
			fail(w, http.StatusNotFound, "NotFoundException")
		case versions:
			listVersions(w, r, registry[name])
		default:
			describe(w, r, name, registry[name])
		}
	}
}

func listSchemas(w http.ResponseWriter, r *http.Request, registry map[string][]string) {
	prefix := r.URL.Query().Get("schemaNamePrefix")
	var all []map[string]any
	for name, versions := range registry {
		if strings.HasPrefix(name, prefix) {
			all = append(all, map[string]any{"SchemaName": name, "VersionCount": len(versions)})
		}
	}
	slices.SortFunc(all, func(a, b map[string]any) int {
		return strings.Compare(a["SchemaName"].(string), b["SchemaName"].(string))
	})
	page(w, r, "Schemas", all)
}

// listVersions lists in the order of text, as "1", "10", "11", "2".
func listVersions(w http.ResponseWriter, r *http.Request, versions []string) {
	var all []map[string]any
	for i := range versions {
		all = append(all, map[string]any{"SchemaVersion": strconv.Itoa(i + 1)})
	}
	slices.SortFunc(all, func(a, b map[string]any) int {
		return strings.Compare(a["SchemaVersion"].(string), b["SchemaVersion"].(string))
	})
	page(w, r, "SchemaVersions", all)
}

func page(w http.ResponseWriter, r *http.Request, member string, all []map[string]any) {
	start, _ := strconv.Atoi(r.URL.Query().Get("nextToken"))
	start = min(max(start, 0), len(all))
	end := min(start+pageSize, len(all))
	body := map[string]any{member: all[start:end]}
	if end < len(all) {
		body["NextToken"] = strconv.Itoa(end)
	}
	answer(w, http.StatusOK, body)
}

func describe(w http.ResponseWriter, r *http.Request, name string, versions []string) {
	version := len(versions)
	if asked := r.URL.Query().Get("schemaVersion"); asked != "" {
		version, _ = strconv.Atoi(asked)
	}
	if version < 1 || version > len(versions) {
		fail(w, http.StatusNotFound, "NotFoundException")
		return
	}
	answer(w, http.StatusOK, map[string]any{"SchemaName": name, "Type": "OpenApi3",
		"SchemaVersion": strconv.Itoa(version), "Content": versions[version-1]})
}

// write creates a schema (POST) or adds a version to it (PUT).
func write(w http.ResponseWriter, r *http.Request, registry map[string][]string, name string) {
	var body struct {
		Content string `json:"Content"`
		Type    string `json:"Type"`
	}
	known := len(registry[name]) > 0
	switch err := json.UnmarshalRead(r.Body, &body); {
	case err != nil || body.Content == "" || body.Type != "OpenApi3":
		fail(w, http.StatusBadRequest, "BadRequestException")
	case r.Method == http.MethodPost && known:
		fail(w, http.StatusConflict, "ConflictException")
	case r.Method == http.MethodPut && !known:
		fail(w, http.StatusNotFound, "NotFoundException")
	default:
		registry[name] = append(registry[name], body.Content)
		answer(w, http.StatusOK, map[string]any{"SchemaName": name, "SchemaVersion": strconv.Itoa(len(registry[name]))})
	}
}

func fail(w http.ResponseWriter, status int, failure string) {
	w.Header().Set("X-Amzn-ErrorType", failure)
	answer(w, status, map[string]any{"Code": failure, "Message": failure})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, body)
}
