import { createOwnedMap, given, type Failure } from '@agentfleet/domain'
import type { ProviderModel } from '@agentfleet/protocol'
import { FULL_CAPABILITIES, type Capabilities } from '../provider/request/capabilities.ts'
import { candidateKey, type Candidate } from './provider.ts'
import type { LlmOptions } from './request.ts'

/** The state of a node's provider models, for people who look into slow or failed calls. */
export type ProviderFigures = ReturnType<typeof createProviderFigures>

/** Ended requests; the outcome is `answered` or the class of the failure. */
export interface RequestCount {
  readonly labels: { readonly provider: string; readonly model: string; readonly outcome: string }
  readonly count: number
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
  readonly outcomes: Map<string, number>
  calls: number
  usedAtMs: number
  firstTokenMs?: number
  tokensPerSecond?: number
  error?: LastError
}

/** Models in lists and metrics: a reader does not need more. Tasks choose their names, so each tenant has a share (L7). */
const MODELS_MAX = 64
/** Stands for the models that have left the list, as for further label sets of a metric. */
const OTHER = 'other'
/** Characters of a model's name in lists and metrics: tasks choose it. */
const NAME_MAX = 256
/** Milliseconds after its last call for which a model is listed. */
const SHOWN_MS = 900_000
/** The weight of the newest call in a mean. */
const WEIGHT = 0.2

/** Creates the figures; at first they count no call. */
export function createProviderFigures({ nowMs }: Pick<LlmOptions, 'nowMs'>) {
  const entries = createOwnedMap<Entry>(MODELS_MAX)
  /** The outcomes of requests to models that have left. */
  const others = new Map<string, number>()
  const of = (tenant: string, candidate: Candidate, outcome: string): Entry => {
    const key = candidateKey(candidate)
    const entry: Entry = entries.get(key) ?? {
      candidate,
      outcomes: new Map(),
      calls: 0,
      usedAtMs: 0,
    }
    entry.calls += 1
    entry.usedAtMs = nowMs()
    grow(entry.outcomes, outcome, 1)
    for (const left of entries.set(tenant, key, entry)) {
      for (const [name, count] of left.outcomes) grow(others, name, count)
    }
    return entry
  }
  return {
    answered(
      tenant: string,
      candidate: Candidate,
      { firstTokenMs, totalMs, outputTokens }: CallFigures,
    ): void {
      const entry = of(tenant, candidate, 'answered')
      entry.firstTokenMs = mean(entry.firstTokenMs, firstTokenMs)
      const streamedMs = totalMs - firstTokenMs
      // An answer that arrived as a whole says nothing about speed.
      if (streamedMs >= 1 && outputTokens > 0) {
        entry.tokensPerSecond = mean(entry.tokensPerSecond, (outputTokens * 1_000) / streamedMs)
      }
    },
    failed(tenant: string, candidate: Candidate, failure: Failure): void {
      const kind = kindOf(failure)
      of(tenant, candidate, kind).error = { kind, atMs: nowMs() }
    },
    /** Returns the last failure of a candidate, without its message. */
    lastError: (candidate: Candidate) => entries.get(candidateKey(candidate))?.error,
    /** Lists the models called recently; `state` supplies the part that other modules know. */
    list(state: (candidate: Candidate) => ModelState): ProviderModel[] {
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
            ...given({
              keyLimits,
              lastError: error && { kind: error.kind, agoMs: now - error.atMs },
              firstTokenMs: firstTokenMs && Math.round(firstTokenMs),
              tokensPerSecond: tokensPerSecond && Math.round(tokensPerSecond * 10) / 10,
            }),
          }
        })
    },
    /** Counts the ended requests by model and outcome, those of the most used models first. */
    requests(): RequestCount[] {
      const byUse = [...entries.values()].sort((a, b) => b.calls - a.calls)
      const named = byUse.flatMap(({ candidate, outcomes }) =>
        countsOf(candidate.provider.name, candidate.as.slice(0, NAME_MAX), outcomes),
      )
      return [...named, ...countsOf(OTHER, OTHER, others)]
    },
  }
}

function grow(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by)
}

function countsOf(
  provider: string,
  model: string,
  outcomes: ReadonlyMap<string, number>,
): RequestCount[] {
  return [...outcomes].map(([outcome, count]) => ({ labels: { provider, model, outcome }, count }))
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
