import { instant } from '../format/format.ts'

/** Writes the figures of a decision: `slots 4, queued 12, cpu 0.43`. */
export function figuresText(figures: Readonly<Record<string, number | string | boolean>>): string {
  return Object.entries(figures)
    .map(
      ([name, value]) =>
        `${name} ${typeof value === 'number' ? figure(name, value) : String(value)}`,
    )
    .join(', ')
}

/** A time is written as a time, another number with its digits. */
function figure(name: string, value: number): string {
  return name.endsWith('AtMs') ? instant(value, 'UTC') : rounded(value)
}

/** Four significant digits; whole numbers keep all digits. */
function rounded(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}
