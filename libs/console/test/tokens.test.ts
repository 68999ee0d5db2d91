/** The contrast of every colour with the surfaces that it is drawn on (WCAG 2.2, 1.4.3 and 1.4.11). */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { STATES } from '../page/tasks/filters.ts'

const css = readFileSync(new URL('../page/style/tokens.css', import.meta.url), 'utf8')
const tokens = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(
    ([, name = '', light = '', dark = '']) => [name, { light, dark }] as const,
  ),
)
const SURFACES = ['bg', 'surface', 'raised'] as const
const TEXTS = ['text', 'muted', 'accent', ...STATES] as const
const THEMES = ['light', 'dark'] as const

const TEXT_MIN = 4.5
const EDGE_MIN = 3

test.each(THEMES)('text has enough contrast in the %s theme of the page', (theme) => {
  const weak = TEXTS.flatMap((name) => SURFACES.map((surface) => [name, surface] as const))
    .map(
      ([name, surface]) =>
        [name, surface, contrast(colour(name, theme), colour(surface, theme))] as const,
    )
    .filter(([, , ratio]) => ratio < TEXT_MIN)
  expect(weak).toEqual([])
  expect(contrast(colour('on-accent', theme), colour('accent', theme))).toBeGreaterThan(TEXT_MIN)
})

test.each(THEMES)('edges of controls have enough contrast in the %s theme of the page', (theme) => {
  for (const surface of SURFACES) {
    expect(contrast(colour('edge', theme), colour(surface, theme))).toBeGreaterThan(EDGE_MIN)
  }
})

function colour(name: string, theme: 'light' | 'dark'): string {
  const token = tokens.get(name)
  if (token === undefined) throw new Error(`tokens.css has no colour --${name}`)
  return token[theme]
}

/** The contrast ratio of WCAG 2. */
function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (high + 0.05) / (low + 0.05)
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.040_45 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
