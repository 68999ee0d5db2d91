import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Page } from './browser.ts'
import { eventsOf, fleetOf, summaryOf, taskOf, T0_MS } from './seeded.ts'
import { openStubbedTab, type StubbedTab } from './tab.ts'

/** The page with much to show: how long its scripts take for an update, and how many elements it draws. */

const ELEMENTS_MAX = 2_000
/** Of a frame of 16 ms, half is left for style, layout and paint. */
const SCRIPT_MAX_MS = 8
/**
 * On an idle machine 19 of 20 updates stay below 7 ms. The figures are of the page's thread alone, but other processes use
 * the caches of the processor: with eight runnable processes a core the slowest view reached 9 ms.
 */
const SCRIPT_P95_MAX_MS = 12
const UPDATES = 20
/** The first updates also compile the scripts. */
const WARM_UP = 5
const NODES = 10_000
const TASKS = 100_000
const EVENTS = 5_000
const GROUPS = 1_000
const SCHEDULES = 200
/** A page of the list as the gateway answers it, and a large one, so that the list is long after few requests. */
const PAGE_TASKS = 100
const LARGE_PAGE_TASKS = 9_980

let turn = 0
let tab: StubbedTab
let page: Page
const ID = taskOf(0).id
beforeAll(async () => {
  tab = await openStubbedTab(answer)
  page = tab.page
}, 300_000)
afterAll(() => tab[Symbol.asyncDispose]())

function answer({ pathname, searchParams }: URL): unknown {
  turn += 1
  if (pathname === '/v1/fleet') return fleetOf(NODES, turn)
  if (pathname === '/v1/tasks') {
    const from = Number(searchParams.get('cursor') ?? 0)
    const size = from === 0 || TASKS - from <= PAGE_TASKS ? PAGE_TASKS : LARGE_PAGE_TASKS
    const to = Math.min(TASKS, from + size)
    const tasks = Array.from({ length: to - from }, (_, index) => summaryOf(from + index, turn))
    return { tasks, scanned: tasks.length, ...(to < TASKS ? { nextCursor: String(to) } : {}) }
  }
  if (pathname === '/v1/tasks:count') return { at: '', groupBy: 'state', exact: true, groups: [] }
  if (pathname.endsWith('/events')) {
    const after = Number(searchParams.get('after') ?? 0)
    const rest = eventsOf(EVENTS + turn, false).filter(({ seq }) => seq > after)
    const events = rest.slice(0, 1_000)
    const more = rest.length > events.length ? { nextAfter: events.at(-1)?.seq } : {}
    return { events, ...more }
  }
  if (pathname === '/v1/usage') return usageOf(GROUPS)
  if (pathname === '/v1/schedules')
    return schedulesFrom(Number(searchParams.get('cursor') ?? 0), searchParams)
  return pathname === `/v1/tasks/${ID}` ? taskOf(EVENTS, 'running') : undefined
}

/** The usage of 30 days by the values of a label. */
function usageOf(groups: number): unknown {
  const usage = { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.2 }
  const days = Array.from({ length: 30 }, (_, index) => ({
    day: `2026-01-${String(index + 1).padStart(2, '0')}`,
    total: usage,
    models: [{ model: 'gpt-4o-mini', provider: 'openai', usage }],
  }))
  return {
    scope: 'tenant',
    from: '2026-01-01',
    to: '2026-01-30',
    metadataKeys: ['team'],
    days,
    groups: Array.from({ length: groups }, (_, index) => ({ name: `team-${index}`, usage })),
    groupCount: groups,
    others: { ...usage, llmCalls: 0 },
    total: { ...usage, llmCalls: 30 * groups },
  }
}

/** A page of the schedules. */
function schedulesFrom(from: number, query: URLSearchParams): unknown {
  const to = Math.min(SCHEDULES, from + Number(query.get('limit') ?? SCHEDULES))
  const schedules = Array.from({ length: to - from }, (_, index) => ({
    name: `schedule-${String(from + index).padStart(3, '0')}`,
    version: 1,
    cron: '0 8 * * *',
    timeZone: 'UTC',
    overlap: 'allow',
    paused: false,
    task: { task: 'Report' },
    updatedAt: new Date(T0_MS).toISOString(),
  }))
  return { schedules, ...(to < SCHEDULES ? { nextCursor: String(to) } : {}) }
}

/** Loads the view again and resolves when the answer is drawn. */
const UPDATE = `(async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve()))
  performance.setResourceTimingBufferSize(100_000)
  const answers = () => performance.getEntriesByType('resource').length
  const before = answers()
  const pause = document.querySelector('header button[aria-pressed]')
  pause.click()
  await frame()
  pause.click()
  while (answers() === before) await frame()
  await frame()
  await frame()
})()`

/** The script time of updates of the view that is open, milliseconds, smallest first. */
async function scriptTimes(): Promise<readonly number[]> {
  const devTools = await tab.session.newCDPSession(page)
  // The time of the page's thread alone: other processes of the machine do not count.
  await devTools.send('Performance.enable', { timeDomain: 'threadTicks' })
  const total = async () => {
    const { metrics } = (await devTools.send('Performance.getMetrics')) as {
      metrics: { name: string; value: number }[]
    }
    return metrics.find(({ name }) => name === 'ScriptDuration')!.value * 1_000
  }
  for (let update = 0; update < WARM_UP; update += 1) await page.evaluate(UPDATE)
  const times: number[] = []
  for (let update = 0; update < UPDATES; update += 1) {
    const before = await total()
    await page.evaluate(UPDATE)
    times.push((await total()) - before)
  }
  return times.sort((a, b) => a - b)
}

const share = (times: readonly number[], part: number) => times[Math.ceil(times.length * part) - 1]
const elements = () => page.evaluate(`document.querySelectorAll('*').length`)

/** Checks what is open and says what it measured. */
async function expectLight(what: string): Promise<void> {
  const drawn = await elements()
  const times = await scriptTimes()
  const words = times.map((ms) => ms.toFixed(1)).join(' ')
  console.log(`${what}: ${String(drawn)} elements; script time of ${UPDATES} updates: ${words} ms`)
  expect(drawn).toBeLessThanOrEqual(ELEMENTS_MAX)
  expect(share(times, 0.5)).toBeLessThanOrEqual(SCRIPT_MAX_MS)
  expect(share(times, 0.95)).toBeLessThanOrEqual(SCRIPT_P95_MAX_MS)
}

it(`the fleet view with ${NODES} nodes keeps within the limits of drawn elements and of script time`, async () => {
  await page.goto(`${tab.stub.url}/console/fleet`)
  await page.getByRole('rowheader', { name: 'worker-00000' }).waitFor()
  await expectLight('Fleet')
})

it(`the list of ${TASKS} tasks keeps within the limits of drawn elements and of script time, and shows the last task`, async () => {
  await page.goto(`${tab.stub.url}/console/tasks`)
  await page.locator('tbody tr').first().waitFor()
  await page.evaluate(`(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve()))
    const list = document.querySelector('.tall')
    while (!document.body.innerText.includes('This is the end of the list')) {
      list.scrollTop = list.scrollHeight
      await frame()
    }
    list.scrollTop = list.scrollHeight
    await frame()
    await frame()
  })()`)
  await page.getByText(`(${TASKS - 1})`).waitFor()
  await expectLight('Tasks')
})

it(`the timeline and the events of a task with ${EVENTS} events keep within the limits of drawn elements`, async () => {
  await page.goto(`${tab.stub.url}/console/tasks/${ID}`)
  await page.getByRole('rowheader', { name: 'Attempt 1' }).waitFor()
  await expectLight('Timeline')
  await page.getByRole('button', { name: 'events' }).click()
  await page.getByRole('link', { name: 'submitted' }).waitFor()
  expect(await elements()).toBeLessThanOrEqual(ELEMENTS_MAX)
})

it(`the usage by ${GROUPS} groups keeps within the limits of drawn elements and of script time`, async () => {
  await page.goto(`${tab.stub.url}/console/usage?by=metadata.team&top=${GROUPS}`)
  await page.getByText('team-0', { exact: true }).waitFor()
  await expectLight('Usage')
})

it(`the view of ${SCHEDULES} schedules asks again only for the schedules that it shows`, async () => {
  await page.goto(`${tab.stub.url}/console/schedules`)
  await page.getByRole('rowheader', { name: 'schedule-000' }).waitFor()
  const before = tab.stub.requests.length
  await page.evaluate(UPDATE)
  const asked = tab.stub.requests.slice(before).filter((line) => line.includes('/v1/schedules'))
  expect(new Set(asked)).toEqual(new Set(['GET /v1/schedules?limit=50']))
  await page.getByRole('button', { name: 'Show more' }).click()
  await page.getByRole('rowheader', { name: 'schedule-099' }).waitFor()
  expect(tab.stub.requests.at(-1)).toBe('GET /v1/schedules?limit=50&cursor=50')
})
