import { execFileSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../src/commands/index.ts'
import { batchesOf } from '../src/commands/submit.ts'
import { EXIT, EXIT_MEANINGS, exitCodeOf, explain } from '../src/exit.ts'
import { parseCommandLine } from '../src/parse/command-line.ts'
import { completionScript, SHELLS } from '../src/parse/completion-script.ts'
import { commandHelp, overallHelp } from '../src/parse/help.ts'
import { durationOf, pairsOf, timeOf, wholeOf } from '../src/parse/values.ts'

const parse = (line: string) => parseCommandLine(line.split(' ').filter(Boolean), COMMANDS)
const GUIDE = new URL('../../../docs/guides/command-line.md', import.meta.url)
/** What follows the name of the program in a sentence. */
const PROSE = /^(cannot|reads|COMMAND)/
const NOW_MS = Date.parse('2026-01-31T12:00:00Z')

describe('the command line', () => {
  test('accepts options both before and after the command', () => {
    for (const line of ['--json ls -n 3', 'ls --json --limit 3', '--url http://x ls --json -n 3']) {
      expect(parse(line)).toMatchObject({
        kind: 'run',
        command: { name: 'ls' },
        input: { args: [], values: { json: true, limit: '3' } },
      })
    }
  })

  test.for([
    ['lss', '"lss" is not a command. Did you mean "ls"?'],
    ['version', '"version" is not a command. Did you mean "--version"?'],
    ['logs t', '"logs" is not a command. Did you mean "get --events"?'],
    ['ls --limt 3', '"--limt" is not an option. Did you mean "--limit"?'],
    ['ls --state done', '--state must be one of waiting, queued'],
    ['ls --limit', '--limit needs a value.'],
    ['ls -n -5', '--limit needs a value. If the value begins with a dash, write --limit=-5.'],
    ['ls --all=yes', '--all takes no value.'],
    ['--json', 'The command is missing.'],
  ] as const)('the line "%s" gets an error that says what to do', ([line, text]) => {
    expect(() => parse(line)).toThrow(text)
  })

  test('accepts every command that one of its messages names', async () => {
    const folder = new URL('../src/', import.meta.url)
    const files = (await readdir(folder, { recursive: true })).filter((path) =>
      path.endsWith('.ts'),
    )
    const texts = await Promise.all(files.map((path) => readFile(new URL(path, folder), 'utf8')))
    // In a message a quote ends a command; a string of code ends at its own quote.
    const named = texts.flatMap((text) => [
      ...[...text.matchAll(/["'`: (]agentfleet ([a-z][^"'`\n(|]*)/g)].map(([, line = '']) => line),
      ...[...text.matchAll(/: '([a-z][a-z -]*(?:TASK_ID)?)" (?:lists|shows)/g)].map(
        ([, line = '']) => line,
      ),
    ])
    const lines = named
      .filter((line) => !PROSE.test(line))
      .map((line) => line.replace(/\$\{[^}]*\}/g, 'x').trim())
    expect(lines.length).toBeGreaterThan(20)
    for (const line of lines) expect(() => parse(line), line).not.toThrow()
  })

  test('help names every command, every option and every exit code', () => {
    const all = overallHelp(COMMANDS)
    for (const command of COMMANDS) {
      expect(all).toContain(command.summary)
      const help = commandHelp(command)
      for (const name of Object.keys(command.options ?? {})) expect(help).toContain(`--${name}`)
      expect(parse(`${command.name} --help`)).toEqual({ kind: 'help', command })
      expect(parse(`help ${command.name}`)).toEqual({ kind: 'help', command })
    }
    expect(parse('help help')).toEqual({ kind: 'help' })
    for (const code of Object.values(EXIT)) expect(all).toMatch(new RegExp(`^ +${code}  `, 'm'))
  })

  test('has a guide that lists all exit codes with their meanings', async () => {
    const guide = await readFile(GUIDE, 'utf8')
    const rows = [...guide.matchAll(/^\| (\d+) +\| (.+?) +\|$/gm)].map(([, code, meaning]) => [
      Number(code),
      meaning?.replaceAll('`', ''),
    ])
    expect(rows).toEqual(EXIT_MEANINGS)
  })

  test('has a guide that names every command', async () => {
    const guide = await readFile(GUIDE, 'utf8')
    for (const { name } of COMMANDS) expect(guide).toContain(`agentfleet ${name}`)
  })

  test.for(SHELLS)('the completion script for %s contains every command and option', (shell) => {
    const script = completionScript(shell, COMMANDS)
    for (const { name, options = {}, words = [] } of COMMANDS) {
      for (const word of [name, ...words, ...Object.keys(options)]) expect(script).toContain(word)
    }
  })
})

test('the completion script for bash completes commands, their words, their options and the values of these, also behind an address', () => {
  const complete = (...words: readonly string[]): string => {
    const quoted = words.map((word) => `'${word}'`).join(' ')
    const script = `${completionScript('bash', COMMANDS)}
      COMP_WORDS=(agentfleet ${quoted}); COMP_CWORD=${words.length}; COMPREPLY=()
      _agentfleet; echo "\${COMPREPLY[*]}"`
    return execFileSync('bash', ['-uc', script], { encoding: 'utf8' }).trim()
  }
  expect(complete('canc')).toBe('cancel')
  expect(complete('--js')).toBe('--json')
  expect(complete('help', 'canc')).toBe('cancel')
  expect(complete('agents', 'ver')).toBe('versions')
  expect(complete('ls', '--state', 'c')).toBe('completed cancelled')
  expect(complete('ls', '-s', 'qu')).toBe('queued')
  expect(complete('ls', '--agent', 'w')).toBe('')
  // For bash an address is several words.
  expect(complete('--url', 'http', ':', '//x', 'ls', '--stat')).toBe('--state')
})

describe('the values of options', () => {
  const input = (value: string | readonly string[]) => ({ args: [], values: { it: value } })

  test('must have a unit when they are durations', () => {
    const read = ['500ms', '90s', '1.5m', '2h', '1d'].map((text) => durationOf(input(text), 'it'))
    expect(read).toEqual([500, 90_000, 90_000, 7_200_000, 86_400_000])
    expect(() => durationOf(input('90'), 'it')).toThrow('--it must be a duration such as')
  })

  test('may be a date, a date with a time, a word such as today, or an age when they are times', () => {
    const read = ['today', 'yesterday', '2h', '2026-01-02', '2026-01-02T03:04:05Z'].map((text) =>
      timeOf(input(text), 'it', NOW_MS),
    )
    expect(read).toEqual([
      '2026-01-31',
      '2026-01-30',
      '2026-01-31T10:00:00.000Z',
      '2026-01-02',
      '2026-01-02T03:04:05.000Z',
    ])
    const forms = ['2026-01-02 03:04', '2026-01-02 03:04:05 UTC', '2026-01-02T03:04:05+02:00']
    expect(forms.map((text) => timeOf(input(text), 'it', NOW_MS))).toEqual([
      '2026-01-02T03:04:00.000Z',
      '2026-01-02T03:04:05.000Z',
      '2026-01-02T01:04:05.000Z',
    ])
    for (const text of ['2026-02-30', '2026-01-02 25:00', '02.01.2026', '2026-1-2', '']) {
      expect(() => timeOf(input(text), 'it', NOW_MS)).toThrow('--it must be a day')
    }
    expect(() => timeOf(input('last week'), 'it', NOW_MS)).toThrow('--it must be a day')
  })

  test('are refused when a number or a pair breaks its rule, and the error contains the rule', () => {
    const bounds = { min: 1, max: 5 }
    expect(wholeOf(input('5'), 'it', bounds)).toBe(5)
    for (const text of ['0', '6', '1.5', 'x', '', ' ']) {
      expect(() => wholeOf(input(text), 'it', bounds)).toThrow('a whole number from 1 to 5')
    }
    expect(pairsOf(input(['a=1', 'b=x=y']), 'it')).toEqual({ a: '1', b: 'x=y' })
    expect(() => pairsOf(input(['a']), 'it')).toThrow('--it must be a pair such as team=support')
  })
})

test('the command line submits tasks in order, in batches of at most 1,000 tasks and about half a megabyte', () => {
  const tasks = Array.from({ length: 2_500 }, (_, n) => ({ task: `task ${n}` }))
  expect(batchesOf(tasks).map((batch) => batch.length)).toEqual([1_000, 1_000, 500])
  expect(batchesOf(tasks).flat()).toEqual(tasks)
  const large = Array.from({ length: 9 }, () => ({ task: 'x'.repeat(100_000) }))
  expect(batchesOf(large).map((batch) => batch.length)).toEqual([5, 4])
})

describe('a request of the command line that the gateway refuses', () => {
  const problem = { type: 'about:blank', title: 'Refused', detail: 'Why.', code: 'x' }
  const refusal = (status: number, retryAfterS?: number) => ({
    status,
    problem: { ...problem, status },
    retryAfterS,
  })

  test('ends the command with the exit code that belongs to its HTTP status', () => {
    const codes = [0, 401, 403, 404, 409, 503].map((status) => exitCodeOf(refusal(status)))
    expect(codes).toEqual([3, 4, 4, 5, 1, 1])
    const foreign = { ...problem, status: 404, code: 'unknown' }
    expect(exitCodeOf({ status: 404, problem: foreign })).toBe(EXIT.unreachable)
  })

  test('prints a message that says what to do', () => {
    expect(explain(refusal(0), 'http://x')).toContain('Start a fleet with "npm start"')
    expect(explain(refusal(401), 'http://x')).toContain('Set AGENTFLEET_KEY or --key')
    expect(explain(refusal(403), 'http://x')).toContain('"agentfleet keys me" shows')
    const unknown = {
      ...refusal(404),
      problem: { ...refusal(404).problem, code: 'task-not-found' },
    }
    expect(explain(unknown, 'http://x', 'get')).toContain('"agentfleet ls" lists your tasks')
    expect(explain(unknown, 'http://x', 'goals')).toContain('"agentfleet goals" lists your goals')
    expect(explain(refusal(503, 7), 'http://x')).toBe('Refused: Why.\nTry again in 7 s.')
    const errors = [{ pointer: '/cron', detail: 'must be a cron expression' }]
    const wrong = { ...problem, status: 400, errors, detail: '/cron must be a cron expression.' }
    expect(explain({ ...refusal(400), problem: wrong }, 'http://x')).toBe(
      'Refused: /cron must be a cron expression.',
    )
    const twice = { ...wrong, errors: [...errors, { pointer: '/task', detail: 'is missing' }] }
    expect(explain({ ...refusal(400), problem: twice }, 'http://x')).toMatch(
      /\n {2}\/task: is missing$/,
    )
  })
})
