// Prints the addresses that Go's own resolver finds for a name in one family (4 or 6), each once.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
	"time"
)

func main() {
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	resolver := &net.Resolver{PreferGo: true}
	found, err := resolver.LookupIPAddr(limit, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	addresses := map[string]bool{}
	for _, one := range found {
		// Go shows an IPv4-mapped address as the IPv4 address that it leads to
		addresses[one.IP.String()] = true
	}
	var all []string
	for one := range addresses {
		all = append(all, one)
	}
	sort.Strings(all)
	fmt.Println(strings.Join(all, " "))
}
