import { expect, test } from 'vitest'
import { createStartWatch, lastWords } from '../../src/start/start-watch.ts'

const info = JSON.stringify({ level: 'info', msg: 'started' })
const fatal = JSON.stringify({
  level: 'fatal',
  msg: 'the service could not start',
  err: { message: 'no route' },
})

test.each([
  ['', []],
  [`${info}\n`, ['started']],
  [`${info}\n${fatal}\n${info}`, ['the service could not start: no route']],
  [`${info}\nAPI_KEYS: entry 1 is too short\n`, ['API_KEYS: entry 1 is too short']],
  [
    Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\n'),
    ['line 12', 'line 13', 'line 14', 'line 15', 'line 16', 'line 17', 'line 18', 'line 19'],
  ],
])('the lines that explain a failed start are taken from the log %j: %j', (log, words) => {
  expect(lastWords(log)).toEqual(words)
})

const exit = { code: 1, signal: null, logTail: `${info}\n${fatal}` }

test('the start ends when a process fails three times in a row, and prints the last error of the process and the path of its log', async () => {
  const watch = createStartWatch()
  const start = new Promise<never>(() => undefined)
  const outcome = watch.during(start)
  watch.ended('gateway-1', exit, '/logs/gateway-1.log')
  watch.ended('worker', exit, '/logs/worker-1.log')
  watch.ended('gateway-1', exit, '/logs/gateway-1.log')
  watch.ended('gateway-1', exit, '/logs/gateway-1.log')
  await expect(outcome).rejects.toThrow(
    /^gateway-1 does not start: .*3 times.*exit code 1.*\n {2}the service could not start: no route\n.*\/logs\/gateway-1\.log\n/,
  )
})

test('the start ends as soon as one process has ended because of a wrong setting', async () => {
  const watch = createStartWatch()
  const outcome = watch.during(new Promise<never>(() => undefined))
  const wrong = { code: 78, signal: null, logTail: 'API_KEYS: entry 1 is too short' }
  watch.ended('gateway-1', wrong, '/logs/gateway-1.log')
  await expect(outcome).rejects.toThrow(
    /^gateway-1 does not start: a setting is wrong\. .*\n {2}API_KEYS: entry 1 is too short\n/,
  )
})

test('the start ends at once when its user stops it while the processes start', async () => {
  const watch = createStartWatch()
  const stop = new AbortController()
  const outcome = watch.during(new Promise<never>(() => undefined))
  watch.stopBy(stop.signal)
  stop.abort(new Error('stopped'))
  await expect(outcome).rejects.toThrow('stopped')
  expect(() => watch.stopBy(stop.signal)).toThrow('stopped')
})

test('a process that fails once or twice does not end the start', async () => {
  const watch = createStartWatch()
  const outcome = watch.during(Promise.resolve('up'))
  watch.ended('gateway-1', exit, '/log')
  watch.ended('gateway-1', exit, '/log')
  expect(await outcome).toBe('up')
  // The fleet is up: from now on a process that ends is only started again.
  watch.ended('gateway-1', exit, '/log')
})
