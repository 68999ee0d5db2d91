import { join } from 'node:path'
import { expect, test } from 'vitest'
import { attacksOn } from './pattern-attacks.ts'
import { treeOf } from './pattern-tree.ts'
import { patternsIn, type SourcePattern } from './source-patterns.ts'
import { programOf, stepsOf } from './steps.ts'

/**
 * Every pattern in the source that reads texts of providers, models, servers and tools: one that is slow for a text
 * that repeats one thing would stop the thread of a worker.
 */

const ROOT = join(import.meta.dirname, '../../../..')
const FOLDERS = [
  'services/worker/src',
  'libs/toolkit/src',
  'libs/answer-schema/src',
  'libs/domain/src',
]

/** Characters of the shorter text; the longer one has four times as many. */
const LENGTH = 400
/** Steps for each character, below which a text costs nothing. */
const FREE_STEPS = 12
/** 4 where the steps are linear, 16 where they are quadratic. */
const RATIO_MAX = 7
/** Steps after which a search is given up. */
const STEPS_MAX = 2_000_000
/** The patterns in this folder read refusals, which are cut to some 3,000 characters before. */
const CUT_TEXTS = 'services/worker/src/provider/request/'
/** 56 times as many for 3,000 characters: a tenth of a second. */
const CUT_STEPS_MAX = 300_000

/** Returns the attack that takes more than linear time; undefined if there is none. */
function weaknessOf({ place, source, flags }: SourcePattern): string | undefined {
  const tree = treeOf(source, flags)
  const program = programOf(tree)
  const search = { sticky: flags.includes('y'), all: /[gy]/.test(flags) }
  for (const { before, unit } of attacksOn(tree)) {
    const stepsAt = (length: number): number =>
      stepsOf(program, `${before}${unit.repeat(length / unit.length)}x\nx`, search, STEPS_MAX)
    const short = stepsAt(LENGTH)
    if (place.startsWith(CUT_TEXTS) && short < CUT_STEPS_MAX) continue
    const long = short <= FREE_STEPS * LENGTH ? short : stepsAt(4 * LENGTH)
    if (long > RATIO_MAX * short || long >= STEPS_MAX) {
      return `${JSON.stringify([before, unit])}: ${short} and ${long} steps`
    }
  }
  return undefined
}

test.each(patternsIn(ROOT, FOLDERS).map((pattern) => [pattern.place, pattern] as const))(
  'the pattern at %s searches a text that repeats one thing in steps that are at most linear',
  (_place, pattern) => {
    expect(weaknessOf(pattern)).toBeUndefined()
  },
)

test.each([
  [/}\s*,?\s*{/],
  [/^\s*(null|none)?\s*$/i],
  [/\s*\[[a-z]+\]$/i],
  [/<parameter(?:=([^>]+)| name="([^"]+)")>/g],
  [/^\[?error\]?\s*[:= ]\s*(.*)$/i],
  [/^data\s*[:=]\s*(.*)$/i],
  [/\\*["']?\binput\b/g],
  [/(a|aa)*$/],
  [/"(?:\\.|[^"])*"/g],
])('the weakness of the pattern %s is found', ({ source, flags }) => {
  expect(weaknessOf({ place: '', source, flags })).toBeDefined()
})
