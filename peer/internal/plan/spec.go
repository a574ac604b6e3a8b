package plan

import "time"

// answerTimeout is how long the answer to a request may take (peer spec 1.6).
const answerTimeout = 30 * time.Second

// maxRequestID is the largest id of a request (peer spec 1.2).
const maxRequestID = 1 << 53
