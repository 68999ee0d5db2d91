import type { Failure } from '@agentfleet/domain'
import type { ProviderModel } from '@agentfleet/protocol'
import { LRUCache } from 'lru-cache'
import { FULL_CAPABILITIES, type Capabilities } from '../provider/request/capabilities.ts'
import { candidateKey, type Candidate } from './provider.ts'
import type { LlmOptions } from './request.ts'

/** The state of a node's provider models, for people who look into slow or failed calls. */
export interface ProviderFigures {
  answered(candidate: Candidate, call: CallFigures): void
  failed(candidate: Candidate, failure: Failure): void
  /** Returns the last failure of a candidate, without its message. */
  lastError(candidate: Candidate): LastError | undefined
  /** Lists the models called recently; `state` supplies the part that other modules know. */
  list(state: (candidate: Candidate) => ModelState): ProviderModel[]
}

/** The figures of one answered call. */
interface CallFigures {
  readonly firstTokenMs: number
  readonly totalMs: number
  readonly outputTokens: number
}

/** The part of a model's state that other modules know. */
export interface ModelState {
  readonly breaker: ProviderModel['breaker']
  readonly closedForMs: number
  readonly keyLimits?: ProviderModel['keyLimits']
  readonly capabilities: Capabilities
}

/** A failure by its kind alone. */
interface LastError {
  readonly kind: string
  readonly atMs: number
}

interface Entry {
  readonly candidate: Candidate
  calls: number
  usedAtMs: number
  firstTokenMs: number | undefined
  tokensPerSecond: number | undefined
  error: LastError | undefined
}

/** Models in the list; a reader does not need more. */
const MODELS_MAX = 64
/** Characters of a model's name in lists and metrics: tasks choose it. */
const NAME_MAX = 256
/** Milliseconds after its last call for which a model is listed. */
const SHOWN_MS = 900_000
/** The weight of the newest call in a mean. */
const WEIGHT = 0.2

/** Creates the figures; at first they count no call. */
export function createProviderFigures({
  nowMs,
  onRequestEnded,
}: Pick<LlmOptions, 'nowMs' | 'onRequestEnded'>): ProviderFigures {
  const entries = new LRUCache<string, Entry>({ max: MODELS_MAX })
  const of = (candidate: Candidate, outcome: string): Entry => {
    onRequestEnded?.(candidate.provider.name, candidate.as.slice(0, NAME_MAX), outcome)
    const key = candidateKey(candidate)
    const known = entries.get(key)
    const entry: Entry = known ?? {
      candidate,
      calls: 0,
      usedAtMs: 0,
      firstTokenMs: undefined,
      tokensPerSecond: undefined,
      error: undefined,
    }
    if (known === undefined) entries.set(key, entry)
    entry.calls += 1
    entry.usedAtMs = nowMs()
    return entry
  }
  return {
    answered(candidate, { firstTokenMs, totalMs, outputTokens }) {
      const entry = of(candidate, 'answered')
      entry.firstTokenMs = mean(entry.firstTokenMs, firstTokenMs)
      const streamedMs = totalMs - firstTokenMs
      // An answer that arrived as a whole says nothing about speed.
      if (streamedMs >= 1 && outputTokens > 0) {
        entry.tokensPerSecond = mean(entry.tokensPerSecond, (outputTokens * 1_000) / streamedMs)
      }
    },
    failed(candidate, failure) {
      const kind = kindOf(failure)
      of(candidate, kind).error = { kind, atMs: nowMs() }
    },
    lastError: (candidate) => entries.peek(candidateKey(candidate))?.error,
    list(state) {
      const now = nowMs()
      return [...entries.values()]
        .filter(({ usedAtMs }) => now - usedAtMs <= SHOWN_MS)
        .map((entry): ProviderModel => {
          const { candidate, calls, firstTokenMs, tokensPerSecond, error } = entry
          const { breaker, closedForMs, keyLimits, capabilities } = state(candidate)
          return {
            provider: candidate.provider.name,
            model: candidate.as.slice(0, NAME_MAX),
            calls,
            breaker,
            closedForMs: Math.round(closedForMs),
            learned: learnedOf(capabilities),
            ...(keyLimits && { keyLimits }),
            ...(error && { lastError: { kind: error.kind, agoMs: now - error.atMs } }),
            ...(firstTokenMs === undefined ? {} : { firstTokenMs: Math.round(firstTokenMs) }),
            ...(tokensPerSecond === undefined
              ? {}
              : { tokensPerSecond: Math.round(tokensPerSecond * 10) / 10 }),
          }
        })
    },
  }
}

function mean(before: number | undefined, newest: number): number {
  return before === undefined ? newest : before + (newest - before) * WEIGHT
}

/** Returns the kind of a failure without its message, which may contain a tenant's text. */
function kindOf(failure: Failure): string {
  return failure.kind === 'status' ? `status ${failure.status}` : failure.kind
}

function learnedOf(capabilities: Capabilities): string[] {
  return Object.entries(capabilities)
    .filter(([name, value]) => {
      const full = FULL_CAPABILITIES[name as keyof Capabilities]
      return Array.isArray(value) ? value.length > 0 : value !== full
    })
    .map(([name, value]) => `${name}=${String(value)}`.slice(0, 128))
}
