import { randomFillSync } from 'node:crypto'

/**
 * Keys of the inboxes in which a process waits for answers.
 *
 * A process that gets a request learns the inbox of its sender, and some processes may publish to all inboxes of
 * a service. Invariant: a key tells nothing about any other key, so no process can answer a request that it did not
 * get (L9).
 */
export type ReplyKeys = () => string

/** 128 bits cannot be guessed. */
const KEY_BYTES = 16
/** Random bytes are drawn for some hundred keys at once: one call for each key would cost more than its message. */
const DRAWN_BYTES = 512 * KEY_BYTES

/** Draws keys that consist of letters, digits, `-` and `_`. */
export function createReplyKeys(): ReplyKeys {
  const drawn = Buffer.alloc(DRAWN_BYTES)
  let at = DRAWN_BYTES
  return () => {
    if (at === DRAWN_BYTES) {
      randomFillSync(drawn)
      at = 0
    }
    at += KEY_BYTES
    return drawn.toString('base64url', at - KEY_BYTES, at)
  }
}
