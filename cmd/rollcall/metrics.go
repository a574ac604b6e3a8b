package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rollcall/dht"
)

// serveMetrics serves /metrics, /healthz and /debug/pprof on a loopback address
// until the returned function is called.
func serveMetrics(node *dht.Node, addr string, log *slog.Logger) (stop func(), err error) {
	if err := requireLoopback(addr); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fail(codeInternal, "--metrics: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), nodeCollector{node})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { health(w, node) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics", "err", err)
		}
	}()
	log.Info("metrics", "addr", listener.Addr())
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}, nil
}

// requireLoopback keeps the figures of a node on its machine.
func requireLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err == nil {
		if ip, e := netip.ParseAddr(host); host == "localhost" || e == nil && ip.IsLoopback() {
			return nil
		}
	}
	return fmt.Errorf("--metrics %q: want a loopback address with a port, such as 127.0.0.1:9100", addr)
}

// health tells whether the node reaches the network: a process that answers
// says nothing about that.
func health(w http.ResponseWriter, node *dht.Node) {
	status := node.Status()
	if status != dht.Connected {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintln(w, status)
}

// nodeCollector translates the node's metrics.
type nodeCollector struct{ node *dht.Node }

var (
	descConnected = prometheus.NewDesc("rollcall_connected", "1 while a node of the network answers.", nil, nil)
	descPackets   = prometheus.NewDesc("rollcall_packets_total", "Datagrams.", []string{"direction"}, nil)
	descBytes     = prometheus.NewDesc("rollcall_bytes_total", "Payload bytes of datagrams.", []string{"direction"}, nil)
	descServed    = prometheus.NewDesc("rollcall_requests_served_total", "Requests of other nodes.", []string{"method"}, nil)
	descDropped   = prometheus.NewDesc("rollcall_dropped_total", "What was received and not acted on.", []string{"reason"}, nil)
	descRequests  = prometheus.NewDesc("rollcall_requests_total", "Datagrams of own requests, repeats included.", nil, nil)
	descExpired   = prometheus.NewDesc("rollcall_requests_expired_total", "Own requests that nobody answered.", nil, nil)
	descNodes     = prometheus.NewDesc("rollcall_nodes", "Nodes of the routing table.", []string{"family", "state"}, nil)
	descValues    = prometheus.NewDesc("rollcall_stored_values", "Values held.", nil, nil)
	descStored    = prometheus.NewDesc("rollcall_stored_bytes", "Bytes of values held, as the network counts them.", nil, nil)
	descListeners = prometheus.NewDesc("rollcall_listeners", "Listens of other nodes.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c nodeCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c nodeCollector) Collect(ch chan<- prometheus.Metric) {
	m := c.node.Metrics()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	connected := 0.0
	if m.Status == dht.Connected {
		connected = 1
	}
	gauge(descConnected, connected)
	count(descPackets, m.Stats.Received.Packets, "in")
	count(descPackets, m.Stats.Sent.Packets, "out")
	count(descBytes, m.Stats.Received.Bytes, "in")
	count(descBytes, m.Stats.Sent.Bytes, "out")
	for method, n := range m.Stats.Methods() {
		count(descServed, n, method)
	}
	for reason, n := range m.Stats.Dropped.Reasons() {
		count(descDropped, n, reason)
	}
	count(descRequests, m.Stats.Requests)
	count(descExpired, m.Stats.Expired)
	for _, f := range m.Info.Families {
		family := "ipv4"
		if f.IPv6 {
			family = "ipv6"
		}
		gauge(descNodes, float64(f.Nodes.Good), family, "good")
		gauge(descNodes, float64(f.Nodes.Dubious), family, "dubious")
	}
	gauge(descValues, float64(m.Info.Storage.Values))
	gauge(descStored, float64(m.Info.Storage.Bytes))
	gauge(descListeners, float64(m.Info.Storage.Listeners))
}
