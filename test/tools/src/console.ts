/**
 * `npm run prove -- console`: the costs of the page. It measures searches in many stored tasks, a cancel of very many
 * tasks by filter, and what open tabs cost the gateway and Redis.
 */
import { measureCancel, measureSearch } from './console/search.ts'
import { measureTabs } from './console/tabs.ts'
import { readFlags, runCommand, say } from './command/flags.ts'
import { withOwnFleet } from './fleet/own-fleet.ts'

const USAGE = `npm run prove -- console [flags]
  --tasks N    stored tasks to search in (1000000)
  --cancel N   tasks to cancel by filter (50000)
  --tabs N     open tabs (200)
  --seconds N  time for which the tabs are measured (20)`

/** The tenant of every request to a fleet without keys. */
const TENANT = 'default'
const DEFAULTS = { tasks: 1_000_000, cancel: 50_000, tabs: 200, seconds: 20 }

async function main({ tasks, cancel, tabs, seconds }: typeof DEFAULTS): Promise<void> {
  const wrong: string[] = []
  // The fleet keeps its size.
  const options = { workers: 2, env: { autoscaler: { DRIVER: 'recommend' } } }
  await withOwnFleet('console', options, async (fleet) => {
    wrong.push(...(await measureTabs(fleet, { tabs, seconds })))
    wrong.push(...(await measureCancel(fleet, cancel)))
    wrong.push(...(await measureSearch(fleet, { tenant: TENANT, tasks })))
  })
  for (const problem of wrong) say(`WRONG  ${problem}`)
  say(wrong.length === 0 ? 'the page costs what it may' : 'the page costs too much')
  if (wrong.length > 0) process.exitCode = 1
}

await runCommand(USAGE, (args) => readFlags(args, { numbers: DEFAULTS }), main)
