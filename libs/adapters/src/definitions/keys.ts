import type { ApiKey } from '@agentfleet/domain'
import { CHANNELS, requireItem, STREAMS, SUBJECTS, toStored } from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { Bus } from '../bus/bus.ts'
import { streamFill, type StoredMessage } from '../log/stream-reads.ts'
import type { StreamTail } from '../log/stream-tail.ts'
import { openVersions, type VersionOutcome } from './versions.ts'

/** A key and its sequence in the stream KEYS. */
export interface StoredKey {
  readonly key: ApiKey
  readonly seq: number
}

/** Keys of the API: one subject of KEYS for each, whose newest message counts. */
export interface Keys {
  last(id: string): Promise<StoredKey | undefined>
  /** Stores a key behind the version at `expectSeq` (0: none); conflict: another writer was first. */
  store(key: ApiKey, expectSeq: number): Promise<VersionOutcome>
  /** Removes a key, unless it was changed behind this sequence. */
  forget(stored: StoredKey): Promise<void>
  /** Used share of the stream, from 0 to 1. */
  fill(): Promise<number>
  /** Reads every stored key, then changes as they arrive, in order; `replaced`: none of them is stored now. */
  follow(receive: (stored: StoredKey) => void, log: Logger, replaced?: () => void): StreamTail
}

/** Works on KEYS over this connection. */
export function openKeys(bus: Bus): Keys {
  const versions = openVersions(bus, STREAMS.keys, 'replaces')
  return {
    async last(id) {
      const message = await versions.last(SUBJECTS.key(id))
      return message && readKey(message)
    },
    store({ id, ...key }, expectSeq) {
      const data = toStored(key, 'key')
      return versions.store({ subject: SUBJECTS.key(id), data, name: `the key ${id}` }, expectSeq)
    },
    forget: ({ key, seq }) => versions.purge(SUBJECTS.key(key.id), seq),
    async fill() {
      const { bytes, maxBytes } = await streamFill(bus, STREAMS.keys)
      return bytes / maxBytes
    },
    follow: (receive, log, replaced) =>
      versions.follow((message) => receive(readKey(message)), log, replaced),
  }
}

function readKey({ subject, text, seq }: Pick<StoredMessage, 'subject' | 'text' | 'seq'>) {
  return { key: { ...requireItem(CHANNELS.key, text), id: subject.split('.')[1] ?? '' }, seq }
}
