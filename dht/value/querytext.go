package value

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rollcall/dht/infohash"
)

// The text form of queries (opendht spec 3.3), for command-line tools:
//
//	SELECT id,value_type WHERE owner_pk=<40 hex digits>,user_type="text/plain"
//
// Both clauses are optional; SELECT * is as good as none.

// fieldNames are the fields in text, by number.
var fieldNames = [...]string{
	FieldID: "id", FieldType: "value_type", FieldOwner: "owner_pk", FieldSeq: "seq", FieldUserType: "user_type",
}

// String returns the name of f in the text form.
func (f Field) String() string {
	if !f.valid() {
		return "field " + strconv.Itoa(int(f))
	}
	return fieldNames[f]
}

// String returns the text form of q: empty for the zero Query.
func (q *Query) String() string {
	var clauses []string
	if len(q.Select) > 0 {
		clauses = append(clauses, "SELECT "+join(q.Select))
	}
	if len(q.Where) > 0 {
		clauses = append(clauses, "WHERE "+join(q.Where))
	}
	return strings.Join(clauses, " ")
}

func join[S fmt.Stringer](items []S) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.String()
	}
	return strings.Join(texts, ",")
}

// String returns the text form of c.
func (c Condition) String() string {
	switch c.Field {
	case FieldID:
		return c.Field.String() + "=" + strconv.FormatUint(c.ID, 10)
	case FieldType:
		return c.Field.String() + "=" + strconv.FormatUint(uint64(c.Type), 10)
	case FieldOwner:
		return c.Field.String() + "=" + c.Owner.String()
	default:
		return c.Field.String() + "=" + strconv.Quote(c.UserType)
	}
}

// ParseQueryText reads the text form of a query. Keywords and names of fields may
// be in either case; a user type may stand in double quotes, as a Go string, or,
// without commas and spaces, bare. Selected fields come out ascending, once each.
func ParseQueryText(s string) (Query, error) {
	var q Query
	rest := strings.TrimSpace(s)
	if after, ok := cutKeyword(rest, "select"); ok {
		list := after
		rest = ""
		if i := indexKeyword(after, "where"); i >= 0 {
			list, rest = after[:i], after[i:]
		}
		if err := q.parseSelect(list); err != nil {
			return Query{}, err
		}
	}
	if after, ok := cutKeyword(rest, "where"); ok {
		rest = ""
		if err := q.parseWhere(after); err != nil {
			return Query{}, err
		}
	}
	if rest != "" {
		return Query{}, fmt.Errorf("value: query: want SELECT or WHERE at %q", rest)
	}
	return q, nil
}

// cutKeyword removes a keyword and the space after it from the start of s.
func cutKeyword(s, keyword string) (string, bool) {
	if indexKeyword(s, keyword) != 0 {
		return s, false
	}
	return strings.TrimSpace(s[len(keyword):]), true
}

// indexKeyword finds a keyword that stands alone.
func indexKeyword(s, keyword string) int {
	for i := 0; i+len(keyword) <= len(s); i++ {
		end := i + len(keyword)
		if strings.EqualFold(s[i:end], keyword) && (i == 0 || s[i-1] == ' ') && (end == len(s) || s[end] == ' ') {
			return i
		}
	}
	return -1
}

func (q *Query) parseSelect(list string) error {
	list = strings.TrimSpace(list)
	if list == "*" {
		return nil
	}
	for name := range strings.SplitSeq(list, ",") {
		f, err := parseField(name)
		if err != nil {
			return err
		}
		q.Select = append(q.Select, f)
	}
	slices.Sort(q.Select)
	q.Select = slices.Compact(q.Select)
	return nil
}

func parseField(name string) (Field, error) {
	name = strings.TrimSpace(name)
	for f := FieldID; f <= fieldCount; f++ {
		if strings.EqualFold(name, fieldNames[f]) {
			return f, nil
		}
	}
	return 0, fmt.Errorf("value: query: no field %q; there are %s", name, strings.Join(fieldNames[1:], ", "))
}

func (q *Query) parseWhere(list string) error {
	for more := true; more; {
		name, after, ok := strings.Cut(list, "=")
		if !ok {
			return fmt.Errorf("value: query: want FIELD=VALUE at %q", list)
		}
		f, err := parseField(name)
		if err != nil {
			return err
		}
		var text string
		text, list, more, err = cutOperand(after)
		if err != nil {
			return err
		}
		c, err := parseCondition(f, text)
		if err != nil {
			return err
		}
		if len(q.Where) == MaxConditions {
			return fmt.Errorf("%w: more than %d conditions in a query", ErrTooLarge, MaxConditions)
		}
		q.Where = append(q.Where, c)
	}
	return nil
}

// cutOperand reads an operand, quoted or bare, and the comma after it: more tells
// whether there was one.
func cutOperand(s string) (operand, rest string, more bool, err error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, `"`) {
		operand, rest, more = strings.Cut(s, ",")
		return strings.TrimSpace(operand), rest, more, nil
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", false, fmt.Errorf("value: query: quote not closed at %q", s)
	}
	operand, err = strconv.Unquote(quoted)
	if err != nil {
		return "", "", false, fmt.Errorf("value: query: bad string %s: %w", quoted, err)
	}
	rest = strings.TrimSpace(s[len(quoted):])
	if rest == "" {
		return operand, "", false, nil
	}
	if rest[0] != ',' {
		return "", "", false, fmt.Errorf("value: query: want a comma at %q", rest)
	}
	return operand, rest[1:], true, nil
}

func parseCondition(f Field, operand string) (Condition, error) {
	switch f {
	case FieldID:
		id, err := strconv.ParseUint(operand, 10, 64)
		if err != nil {
			return Condition{}, fmt.Errorf("value: query: id: %w", err)
		}
		return WhereID(id), nil
	case FieldType:
		typ, err := strconv.ParseUint(operand, 10, 16)
		if err != nil {
			return Condition{}, fmt.Errorf("value: query: value_type: %w", err)
		}
		return WhereType(TypeID(typ)), nil
	case FieldOwner:
		owner, err := infohash.Parse(operand)
		if err != nil {
			return Condition{}, fmt.Errorf("value: query: owner_pk: %w", err)
		}
		return WhereOwner(owner), nil
	case FieldUserType:
		return WhereUserType(operand), nil
	default:
		return Condition{}, fmt.Errorf("value: query: cannot filter by %s", f)
	}
}
