import { hash } from 'node:crypto'
import { given, type TaskFilter, type TaskState } from '@agentfleet/domain'
import { wrongField } from '../http/problems.ts'

/** The filters of tasks as clients send them: in the query of a list, or in the body of a bulk operation. */
export interface FilterFields extends Omit<
  TaskFilter,
  'states' | 'metadata' | 'text' | `${string}Ms`
> {
  readonly state?: TaskState | readonly TaskState[]
  /** In a query each entry is `key=value`. */
  readonly metadata?: readonly string[] | Readonly<Record<string, string>>
  readonly q?: string
  readonly createdAfter?: string
  readonly createdBefore?: string
  readonly endedAfter?: string
  readonly endedBefore?: string
}

type Part = 'query' | 'body'

/** Characters of a digest: 96 bits, so that two filters never share a cursor. */
const DIGEST_CHARS = 16
/** The same limit as for submissions, characters. */
const METADATA_KEY_CHARS_MAX = 64

/** The filter that these fields ask for; throws a Refusal if a time cannot be read. */
export function filterOf(fields: FilterFields, part: Part): TaskFilter {
  const { state, metadata, q, createdAfter, createdBefore, endedAfter, endedBefore } = fields
  const { agent, model, priority, node, errorCode, waitingKind, kind, parentId, replayOf } = fields
  const states = typeof state === 'string' ? [state] : state
  return given({
    states,
    agent,
    model,
    priority,
    node,
    errorCode,
    waitingKind,
    kind,
    parentId,
    replayOf,
    metadata: isPairs(metadata) ? pairsOf(metadata, part) : metadata,
    text: q?.trim() === '' ? undefined : q?.trim(),
    createdFromMs: instantOf(createdAfter, 'createdAfter', part),
    createdBeforeMs: instantOf(createdBefore, 'createdBefore', part),
    endedFromMs: instantOf(endedAfter, 'endedAfter', part),
    endedBeforeMs: instantOf(endedBefore, 'endedBefore', part),
  })
}

/** Identifies a list by what it was asked for, so that a cursor of another list is refused. */
export function listingName(kind: string, asked: object): string {
  const digest = hash('sha256', JSON.stringify(asked), 'base64url')
  return `${kind} ${digest.slice(0, DIGEST_CHARS)}`
}

function isPairs(metadata: FilterFields['metadata']): metadata is readonly string[] {
  return Array.isArray(metadata)
}

function pairsOf(entries: readonly string[], part: Part): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=')
      if (at > 0 && at <= METADATA_KEY_CHARS_MAX) return [entry.slice(0, at), entry.slice(at + 1)]
      throw wrongField(pointerOf('metadata', part), 'must be key=value, such as team=search')
    }),
  )
}

/** Reads a time or a day; throws a Refusal if the text is neither. */
export function instantOf(text: string | undefined, name: string, part: Part): number | undefined {
  if (text === undefined) return undefined
  const atMs = Date.parse(text)
  if (atMs >= 0) return atMs
  throw wrongField(pointerOf(name, part), 'must be a time after 1970, such as 2026-01-31T12:00:00Z')
}

function pointerOf(name: string, part: Part): string {
  return part === 'query' ? `query/${name}` : `/${name}`
}
