import { randomBytes } from 'node:crypto'

/**
 * Keys of the inboxes in which a process waits for answers.
 *
 * A process that gets a request learns the inbox of its sender, and some processes may publish to all inboxes of
 * a service. Invariant: a key tells nothing about any other key, so no process can answer a request that it did not
 * get (L9).
 */
type ReplyKeys = () => string

/** 144 bits cannot be guessed, and make exactly so many letters. */
const KEY_BYTES = 18
const KEY_CHARS = 24
/** Random bytes are drawn for some dozen keys at once: one call for each key would cost more than its message. */
const KEYS_DRAWN = 64

/** Draws keys that consist of letters, digits, `-` and `_`. */
export function createReplyKeys(): ReplyKeys {
  let drawn = ''
  let at = 0
  return () => {
    if (at === drawn.length) {
      drawn = randomBytes(KEYS_DRAWN * KEY_BYTES).toString('base64url')
      at = 0
    }
    at += KEY_CHARS
    return drawn.slice(at - KEY_CHARS, at)
  }
}
