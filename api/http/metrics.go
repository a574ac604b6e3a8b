package http

import (
	nethttp "net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rollcall/daemon"
	"rollcall/dht"
)

// metrics serves figures of the daemon and its nodes for Prometheus.
func (s *service) metrics() nethttp.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collector{s.daemon})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector translates the daemon's status.
type collector struct{ daemon *daemon.Daemon }

var (
	descAccounts  = prometheus.NewDesc("rollcall_accounts", "Accounts of the daemon.", nil, nil)
	descDamaged   = prometheus.NewDesc("rollcall_damaged", "Parts of the data directory that could not be read.", nil, nil)
	descDevices   = prometheus.NewDesc("rollcall_connected_devices", "Direct connections with devices.", nil, nil)
	descMessages  = prometheus.NewDesc("rollcall_messages_passed_over_total", "Messages of others that were not told.", []string{"reason"}, nil)
	descEvents    = prometheus.NewDesc("rollcall_events_total", "Events since the start.", nil, nil)
	descConnected = prometheus.NewDesc("rollcall_connected", "1 while a node of the network answers.", []string{"node"}, nil)
	descPackets   = prometheus.NewDesc("rollcall_packets_total", "Datagrams.", []string{"node", "direction"}, nil)
	descBytes     = prometheus.NewDesc("rollcall_bytes_total", "Payload bytes of datagrams.", []string{"node", "direction"}, nil)
	descNodes     = prometheus.NewDesc("rollcall_nodes", "Nodes of the routing table.", []string{"node", "state"}, nil)
)

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{descAccounts, descDamaged, descDevices, descMessages, descEvents, descConnected, descPackets, descBytes, descNodes} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	status := c.daemon.Status()
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(descAccounts, status.Accounts)
	gauge(descDamaged, len(status.Damaged))
	gauge(descDevices, status.Connected)
	count(descMessages, status.Messages.Repeated, "repeated")
	count(descMessages, status.Messages.Malformed, "malformed")
	count(descMessages, status.Messages.Excess, "excess")
	count(descMessages, status.Messages.Ignored, "ignored")
	count(descEvents, status.Events)
	for _, network := range status.Networks {
		connected := 0
		if network.Metrics.Status == dht.Connected {
			connected = 1
		}
		gauge(descConnected, connected, network.Node)
		stats := network.Metrics.Stats
		count(descPackets, stats.Received.Packets, network.Node, "in")
		count(descPackets, stats.Sent.Packets, network.Node, "out")
		count(descBytes, stats.Received.Bytes, network.Node, "in")
		count(descBytes, stats.Sent.Bytes, network.Node, "out")
		good, dubious := 0, 0
		for _, family := range network.Metrics.Info.Families {
			good += family.Nodes.Good
			dubious += family.Nodes.Dubious
		}
		gauge(descNodes, good, network.Node, "good")
		gauge(descNodes, dubious, network.Node, "dubious")
	}
}
