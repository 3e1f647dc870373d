// Package infer finds the schema of events from samples.
//
// What is inferred is the least that takes all samples: a member is required if
// every sample has it, nullable if one has null, of a format if all fit it, a
// number if one is no integer. Samples that agree on nothing leave any value. An
// object whose keys look like data (a time, an account, an id) is a map.
//
// More samples only widen: [Join] is what takes everything that either of its
// arguments takes, so a schema that is written, read again and joined with new
// samples still takes the old ones.
package infer
