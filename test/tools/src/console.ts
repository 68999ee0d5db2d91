/**
 * `npm run prove -- console`: the costs of the page. It measures searches in many stored tasks, a cancel of very many
 * tasks by filter, and what open tabs cost the gateway and Redis.
 */
import { parseArgs } from 'node:util'
import { positive } from './bench/options.ts'
import { measureCancel, measureSearch } from './console/search.ts'
import { measureTabs } from './console/tabs.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'

const USAGE = `npm run prove -- console [flags]
  --tasks N    stored tasks to search in (1000000)
  --cancel N   tasks to cancel by filter (50000)
  --tabs N     open tabs (200)
  --seconds N  time for which the tabs are measured (20)`

/** The tenant of every request to a fleet without keys. */
const TENANT = 'default'
const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      tasks: text,
      cancel: text,
      tabs: text,
      seconds: text,
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    say(USAGE)
    return
  }
  const tasks = positive('--tasks', values.tasks, 1_000_000)
  const cancel = positive('--cancel', values.cancel, 50_000)
  const tabs = positive('--tabs', values.tabs, 200)
  const seconds = positive('--seconds', values.seconds, 20)
  const wrong: string[] = []
  // The fleet keeps its size.
  const options = { say, workers: 2, simulators: 1, env: { autoscaler: { DRIVER: 'recommend' } } }
  await withOwnFleet('console', options, async (fleet) => {
    wrong.push(...(await measureTabs(fleet, { tabs, seconds }, say)))
    wrong.push(...(await measureCancel(fleet, cancel, say)))
    wrong.push(...(await measureSearch(fleet, { tenant: TENANT, tasks }, say)))
  })
  for (const problem of wrong) say(`WRONG  ${problem}`)
  say(wrong.length === 0 ? 'the page costs what it may' : 'the page costs too much')
  if (wrong.length > 0) process.exitCode = 1
}

await main()
