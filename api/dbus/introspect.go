package dbus

import (
	"fmt"
	"strings"
)

const introspectDoctype = `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
`

const introspectable = ` <interface name="org.freedesktop.DBus.Introspectable">
  <method name="Introspect">
   <arg type="s" name="data" direction="out"/>
  </method>
 </interface>
 <interface name="org.freedesktop.DBus.Peer">
  <method name="Ping"/>
  <method name="GetMachineId">
   <arg type="s" name="id" direction="out"/>
  </method>
 </interface>
`

// introspectObject describes the members that an object has in a generation.
func introspectObject(iface string, members []member, g Generation) string {
	var b strings.Builder
	b.WriteString(introspectDoctype + "<node>\n")
	fmt.Fprintf(&b, " <interface name=%q>\n", iface)
	for _, m := range members {
		if !m.of(g) {
			continue
		}
		fmt.Fprintf(&b, "  <%s name=%q>\n", m.kind, m.name)
		for _, arg := range m.in {
			direction := ` direction="in"`
			if m.kind == "signal" {
				direction = ""
			}
			fmt.Fprintf(&b, "   <arg type=%q name=%q%s/>\n", arg.signature, arg.name, direction)
		}
		for _, arg := range m.out {
			fmt.Fprintf(&b, "   <arg type=%q name=%q direction=\"out\"/>\n", arg.signature, arg.name)
		}
		fmt.Fprintf(&b, "  </%s>\n", m.kind)
	}
	b.WriteString(" </interface>\n" + introspectable + "</node>\n")
	return b.String()
}

// introspectParent describes a path that has nothing but children.
func introspectParent(children []string) string {
	var b strings.Builder
	b.WriteString(introspectDoctype + "<node>\n")
	for _, child := range children {
		fmt.Fprintf(&b, " <node name=%q/>\n", child)
	}
	b.WriteString(introspectable + "</node>\n")
	return b.String()
}
