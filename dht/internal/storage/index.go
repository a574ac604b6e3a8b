package storage

import "math/bits"

// index finds records by a hash, in 8 bytes per record: a bucket, and the chain
// field in the record itself. It grows by linear hashing, one bucket with each
// record, so that no insertion takes long.
type index struct {
	hash  func(i uint32) uint64
	chain func(i uint32) *uint32 // the next record of the same bucket

	heads   []*[chunkSize]uint32
	buckets uint64
	records uint64
}

// first returns the first record of the bucket for hash. The others follow along
// the chain; records with other hashes are among them.
func (x *index) first(hash uint64) uint32 {
	if x.buckets == 0 {
		return 0
	}
	return *x.head(x.bucket(hash))
}

func (x *index) insert(i uint32) {
	x.records++
	if x.records > x.buckets {
		x.grow()
	}
	x.push(x.bucket(x.hash(i)), i)
}

func (x *index) remove(i uint32) {
	x.records--
	at := x.head(x.bucket(x.hash(i)))
	for *at != i {
		at = x.chain(*at)
	}
	*at = *x.chain(i)
}

func (x *index) push(bucket uint64, i uint32) {
	head := x.head(bucket)
	*x.chain(i) = *head
	*head = i
}

// bucket maps a hash to a bucket: by as many bits as number all of them, less one
// where that bucket does not exist yet.
func (x *index) bucket(hash uint64) uint64 {
	mask := uint64(1)<<bits.Len64(x.buckets-1) - 1
	b := hash & mask
	if b >= x.buckets {
		b &= mask >> 1
	}
	return b
}

func (x *index) head(bucket uint64) *uint32 {
	return &x.heads[bucket>>chunkBits][bucket%chunkSize]
}

// grow adds a bucket and moves into it what belongs there, which is all in one
// other bucket.
func (x *index) grow() {
	b := x.buckets
	if b%chunkSize == 0 {
		x.heads = append(x.heads, new([chunkSize]uint32))
	}
	x.buckets++
	if b == 0 {
		return
	}
	from := x.head(b &^ (1 << (bits.Len64(b) - 1)))
	i := *from
	*from = 0
	for i != 0 {
		next := *x.chain(i)
		x.push(x.bucket(x.hash(i)), i)
		i = next
	}
}
