/**
 * Rendezvous hashing: every load balancer finds the same home for a key without messages to other load
 * balancers. A node that joins or leaves moves only its own keys.
 */

/** Hash of an affinity key, computed once per decision (FNV-1a, 32 bits). */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}

/** A node's weight for a key; the node with the highest weight is the key's home. */
export function homeWeight(key: number, nodeId: string): number {
  // The finish of MurmurHash3: without it, ids that differ in a digit get neighbouring weights.
  let hash = Math.imul(keyHash(nodeId) ^ key, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
