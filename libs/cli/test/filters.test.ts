import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { load } from 'js-yaml'
import { COMMANDS } from '../src/commands/index.ts'
import { periodText, taskFiltersOf } from '../src/commands/filters.ts'
import { parseCommandLine } from '../src/parse/command-line.ts'

const DOCUMENT = new URL('../../../openapi.yaml', import.meta.url)
/** A value for each option that takes only certain values. */
const VALUES: Readonly<Record<string, string>> = { metadata: 'a=b' }

interface Document {
  readonly paths: {
    readonly '/v1/tasks:count': { readonly get: { readonly parameters: readonly Parameter[] } }
  }
  readonly components: { readonly parameters: Readonly<Record<string, { readonly name: string }>> }
}
type Parameter = { readonly name?: string; readonly $ref?: string }

test('`agentfleet ls` has an option for every filter of the API', async () => {
  const { paths, components } = load(await readFile(DOCUMENT, 'utf8')) as Document
  const named = paths['/v1/tasks:count'].get.parameters.map(
    ({ name, $ref = '' }) => name ?? components.parameters[$ref.split('/').at(-1) ?? '']?.name,
  )
  const { options = {} } = COMMANDS.find(({ name }) => name === 'ls') ?? {}
  const argv = Object.entries(options).flatMap(([name, { type, choices }]) => {
    const text = VALUES[name] ?? choices?.[0] ?? '1h'
    return type === 'boolean' || name === 'limit' || name === 'order' ? [] : [`--${name}`, text]
  })
  const line = parseCommandLine(['ls', ...argv], COMMANDS)
  if (line.kind !== 'run') throw new Error(`${argv.join(' ')} does not run`)
  const filters = Object.keys(taskFiltersOf(line.input, 0))
  expect(new Set([...filters, 'groupBy'])).toEqual(new Set(named))
})

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
