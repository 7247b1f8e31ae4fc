// What `npm run cluster -- check` runs in pods: serves one line over HTTP, fetches a URL, looks a name up, burns a core.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: probe serve ADDRESS | get URL | lookup NAME"))
	}
	limit, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	switch argument := os.Args[2]; os.Args[1] {
	case "serve":
		name, _ := os.Hostname()
		fmt.Println("serving on", argument)
		fail(http.ListenAndServe(argument, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "answered by", name)
		})))
	case "get":
		request, err := http.NewRequestWithContext(limit, http.MethodGet, argument, nil)
		fail(err)
		response, err := http.DefaultClient.Do(request)
		fail(err)
		_, err = io.Copy(os.Stdout, response.Body)
		fail(err)
	case "lookup":
		addresses, err := net.DefaultResolver.LookupHost(limit, argument)
		fail(err)
		fmt.Println(addresses)
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
