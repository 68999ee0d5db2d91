import type { Failure } from '@agentfleet/domain'
import type { ProviderModel } from '@agentfleet/protocol'
import { LRUCache } from 'lru-cache'
import { FULL_CAPABILITIES, type Capabilities } from '../provider/capabilities.ts'
import type { Candidate } from './provider.ts'

/** How the models of a node's providers stand: what people look at when calls are slow or fail. */
export interface ProviderFigures {
  answered(candidate: Candidate, call: CallFigures): void
  failed(candidate: Candidate, failure: Failure): void
  /** The models called within the last minutes; the rest is asked for here. */
  list(state: (candidate: Candidate) => ModelState): ProviderModel[]
}

/** One call that was answered. */
export interface CallFigures {
  readonly firstTokenMs: number
  readonly totalMs: number
  readonly outputTokens: number
}

/** What others know of a model. */
export interface ModelState {
  readonly breaker: ProviderModel['breaker']
  readonly closedForMs: number
  readonly capabilities: Capabilities
}

interface Entry {
  readonly candidate: Candidate
  calls: number
  usedAtMs: number
  firstTokenMs: number | undefined
  tokensPerSecond: number | undefined
  error: { readonly kind: string; readonly atMs: number } | undefined
}

/** Models shown; more would be a list that nobody reads. */
const MODELS_MAX = 64
/** A model that was not called for so long is not shown, milliseconds. */
const SHOWN_MS = 900_000
/** Weight of the newest call in a mean. */
const WEIGHT = 0.2

/** Nothing was called yet. */
export function createProviderFigures(nowMs: () => number): ProviderFigures {
  const entries = new LRUCache<string, Entry>({ max: MODELS_MAX })
  const of = (candidate: Candidate): Entry => {
    const key = `${candidate.provider.name} ${candidate.as}`
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
      const entry = of(candidate)
      entry.firstTokenMs = mean(entry.firstTokenMs, firstTokenMs)
      const streamedMs = totalMs - firstTokenMs
      // An answer that came at once says nothing about speed.
      if (streamedMs >= 1 && outputTokens > 0) {
        entry.tokensPerSecond = mean(entry.tokensPerSecond, (outputTokens * 1_000) / streamedMs)
      }
    },
    failed(candidate, failure) {
      of(candidate).error = { kind: kindOf(failure), atMs: nowMs() }
    },
    list(state) {
      const now = nowMs()
      return [...entries.values()]
        .filter(({ usedAtMs }) => now - usedAtMs <= SHOWN_MS)
        .map((entry): ProviderModel => {
          const { candidate, calls, firstTokenMs, tokensPerSecond, error } = entry
          const { breaker, closedForMs, capabilities } = state(candidate)
          return {
            provider: candidate.provider.name,
            model: candidate.as.slice(0, 256),
            calls,
            breaker,
            closedForMs: Math.round(closedForMs),
            learned: learnedOf(capabilities),
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

/** The class of a failure, without its message: that may hold what a tenant wrote. */
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
