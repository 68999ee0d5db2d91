import { expect, test } from 'vitest'
import { readOptions, UsageError } from '../../src/start/options.ts'

test('npm start without options starts two workers and runs six tasks', () => {
  expect(readOptions([], {})).toEqual({
    help: false,
    once: false,
    json: false,
    workers: 2,
    tasks: 6,
    port: undefined,
    data: undefined,
    durability: 'process',
  })
})

test('npm start accepts each of its options', () => {
  const line = '--once --json --workers 3 --tasks=0 --port 9000 --data d --durability power'
  expect(readOptions(line.split(' '), {})).toEqual({
    help: false,
    once: true,
    json: true,
    workers: 3,
    tasks: 0,
    port: 9_000,
    data: 'd',
    durability: 'power',
  })
})

test.for<[args: readonly string[], problems: string]>([
  [['--worker', '3'], '--worker is not an option; did you mean "--workers"?'],
  [['3'], '"3" is not an option'],
  [['--data', ''], '--data needs a value'],
  [['--tasks='], '--tasks needs a value'],
  [['--port'], '--port needs a value'],
  [['--once=yes'], '--once takes no value'],
  [['--tasks', '-1'], '--tasks must be a whole number from 0 to 1000, not -1'],
  [
    ['--workers', '2', '--workers', '3'],
    '--workers is given twice, with different values; give one of them',
  ],
  [
    ['--workers', '0', '--port', '70000', '--durability', 'disk', '--tasks', 'x'],
    '--durability is process or power, not disk\n--workers must be a whole number from 1 to 20, not 0\n--tasks must be a whole number from 0 to 1000, not x\n--port must be a whole number from 1 to 65535, not 70000',
  ],
])('npm start with the options %j names everything that is wrong', ([args, problems]) => {
  expect(() => readOptions(args, {})).toThrow(new UsageError(problems))
})

test('npm start says how to give an option that npm has taken for itself', () => {
  const env = { npm_lifecycle_event: 'start', npm_config_workers: 'true' }
  expect(() => readOptions([], env)).toThrow('put -- before it: npm start -- --workers')
})
