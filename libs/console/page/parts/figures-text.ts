import { UNKNOWN } from '@agentfleet/domain'
import { instant } from '../format/format.ts'

type Figure = number | string | boolean

/** Writes the figures of a decision: `slots 4, queued 12, cpu 0.43`. */
export function figuresText(figures: Readonly<Record<string, Figure>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${figureText(name, value)}`)
    .join(', ')
}

/** Writes one figure of a decision: a time as a time, another number with its digits, `—` if it is unknown. */
export function figureText(name: string, value: Figure | undefined): string {
  if (value === undefined) return UNKNOWN
  if (typeof value !== 'number') return String(value)
  return name.endsWith('AtMs') ? instant(value, 'UTC') : rounded(value)
}

/** Four significant digits; whole numbers keep all digits. */
function rounded(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}
