import { expect, test } from 'vitest'
import { COMMANDS } from '../src/commands/index.ts'
import { periodText, taskFiltersOf } from '../src/commands/filters.ts'
import { parseCommandLine } from '../src/parse/command-line.ts'

test('the note about many tasks says from when to when they were submitted, so that yesterday means the same to its reader', () => {
  const textOf = (argv: readonly string[]) => {
    const line = parseCommandLine(['cancel', '--all', ...argv], COMMANDS)
    if (line.kind !== 'run') throw new Error(`${argv.join(' ')} does not run`)
    return periodText(taskFiltersOf(line.input, Date.UTC(2026, 0, 31, 12)))
  }
  expect(textOf([])).toBe('')
  expect(textOf(['--since', '2h'])).toBe(', submitted from 2026-01-31 10:00:00 UTC')
  expect(textOf(['--since', 'yesterday', '--until', 'today'])).toBe(
    ', submitted from 2026-01-30 00:00:00 UTC and before 2026-01-31 00:00:00 UTC',
  )
})
