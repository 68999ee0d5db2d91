import type { IncomingHttpHeaders } from 'node:http'
import { refused, type Checked } from '../http/api-error.ts'
import { isFaultKind, type FaultKind } from './faults.ts'
import type { JsonObject } from '../http/json.ts'
import { isQuirk, type Quirk } from '../reply/quirks.ts'

/**
 * The parameters of one call. Each may be part of the model name (`sim?ttft=200&tps=50`), of the body
 * (`"sim": {"ttft": 200}`) or of a header (`x-sim-ttft: 200`); the first found wins.
 */
export interface CallParams {
  /** Milliseconds to the first token. */
  readonly ttft?: number
  /** Tokens a second, 0 for all at once. */
  readonly tps?: number
  /** Tokens of the answer. */
  readonly tokens?: number
  /** The fault of the call. */
  readonly fault?: FaultKind
  /** The quirk of the stream, which no documentation describes. */
  readonly quirk?: Quirk
  /** Tokens sent before a cut or broken JSON; half of them by default. */
  readonly after?: number
  /** The fault occurs only in this many first calls of this task and step, or else of this model. */
  readonly times?: number
  /** `sim-steps`: number of turns, and milliseconds of each. */
  readonly n?: number
  readonly ms?: number
}

/** The model that answers a call. */
export interface ReplyModel {
  /** Name up to the parameters. */
  readonly base: string
  readonly params: CallParams
}

type NumberParam = Exclude<keyof CallParams, 'fault' | 'quirk'>

const NUMBER_RANGES: Readonly<Record<NumberParam, readonly [min: number, max: number]>> = {
  ttft: [0, 3_600_000],
  tps: [0, 1_000_000],
  tokens: [1, 100_000],
  after: [1, 100_000],
  times: [1, 1_000_000],
  n: [1, 1_000],
  ms: [0, 3_600_000],
}
const NUMBER_NAMES = Object.keys(NUMBER_RANGES) as NumberParam[]

/** Splits the model name and collects the parameters of a call from all three places. */
export function parseParams(
  model: string,
  body: JsonObject,
  headers: IncomingHttpHeaders,
): Checked<ReplyModel> {
  const mark = model.indexOf('?')
  const base = mark < 0 ? model : model.slice(0, mark)
  const found: Record<string, unknown> = {}
  for (const name of [...NUMBER_NAMES, 'fault', 'quirk']) {
    const value = headers[`x-sim-${name}`]
    if (value !== undefined) found[name] = value
  }
  Object.assign(found, body)
  if (mark >= 0) {
    for (const [name, value] of new URLSearchParams(model.slice(mark + 1))) found[name] = value
  }
  const params: Record<string, number | FaultKind | Quirk> = {}
  for (const [name, value] of Object.entries(found)) {
    const checked = checkParam(name, value)
    if (checked === undefined) {
      const message = `Simulator parameter ${name}=${String(value)} is unknown or out of range.`
      return refused(message, 'model', 'invalid_sim_parameter')
    }
    params[name] = checked
  }
  return { kind: 'ok', value: { base, params } }
}

function checkParam(name: string, value: unknown): number | FaultKind | Quirk | undefined {
  if (name === 'fault') {
    const kind = String(value)
    return isFaultKind(kind) ? kind : undefined
  }
  if (name === 'quirk') return isQuirk(value) ? value : undefined
  if (!Object.hasOwn(NUMBER_RANGES, name)) return undefined
  if ((typeof value !== 'string' && typeof value !== 'number') || value === '') return undefined
  const number = Number(value)
  const [min, max] = NUMBER_RANGES[name as NumberParam]
  if (!Number.isFinite(number) || number < min || number > max) return undefined
  return name === 'tps' || Number.isInteger(number) ? number : undefined
}
