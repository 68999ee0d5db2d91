import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { TaskView } from '@agentfleet/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser, type Browser, type Page, type Session } from './browser.ts'
import {
  DECISION,
  eventsOf,
  fleetOf,
  INCIDENT,
  nodeOf,
  seriesOf,
  summaryOf,
  taskOf,
  T0_MS,
} from './seeded.ts'
import { serveStub, type Stub } from './stub.ts'

/**
 * Every view and dialog in both looks, with data and a clock that never change: no violation of WCAG 2.2 AA, and six
 * views look as in the stored pictures. PICTURES=write stores them again.
 */

const PICTURES = fileURLToPath(new URL('pictures/', import.meta.url))
/** Pixels that may differ: the edge of a letter on another processor. */
const DIFFERENT_MAX = 0.001
const LOOKS = ['light', 'dark'] as const
const TASK = taskOf(6)

let stub: Stub
let browser: Browser
let session: Session
let page: Page
beforeAll(async () => {
  stub = await serveStub(answer, () => T0_MS)
  browser = await startBrowser()
  session = await browser.newSession()
  session.setDefaultTimeout(4_000)
  page = await session.newPage()
  await page.clock.setFixedTime(T0_MS)
}, 300_000)
afterAll(async () => {
  await session.close()
  await browser[Symbol.asyncDispose]()
  await stub[Symbol.asyncDispose]()
})

const SUMMARIES = Array.from({ length: 60 }, (_, index) => summaryOf(index))
const SCHEDULE = {
  name: 'report',
  version: 3,
  cron: '0 8 * * 1-5',
  timeZone: 'Europe/Berlin',
  overlap: 'skip',
  paused: false,
  nextAt: '2026-02-02T07:00:00.000Z',
  task: { task: 'Write the report' },
}
const AGENT = (version: number) => ({
  name: 'reviewer',
  version,
  builtIn: false,
  updatedAt: '2026-01-30T09:15:00.000Z',
  definition: { systemPrompt: `You review changes.\nVersion ${version}.`, model: 'gpt-4o-mini' },
})
const DECIDED: TaskView = {
  ...TASK,
  id: SUMMARIES[1]!.id,
  approvals: [
    {
      step: 2,
      approved: false,
      by: 'env-1',
      person: 'Kim',
      note: 'Send the invoice to the accounting department instead.',
      atMs: T0_MS - 3_600_000,
    },
  ],
}
const USAGE = { inputTokens: 812, outputTokens: 96, llmCalls: 1, costUsd: 0.2 }

const SERIES = seriesOf(60)
const AGENT_SERIES = {
  ...SERIES,
  groupBy: 'agent',
  series: SERIES.series.map((one) => ({ ...one, key: 'reviewer' })),
}

/** The answers by path. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/v1/me': {
    keyId: 'env-1',
    tenant: 'acme',
    scopes: ['tasks:read', 'tasks:write', 'tasks:approve', 'agents:write', 'fleet:read', 'admin'],
  },
  '/v1/fleet': fleetOf(300),
  '/v1/fleet/nodes/worker-00001': {
    node: nodeOf(1),
    tasks: SUMMARIES.slice(0, 3),
    scanned: 3,
    complete: true,
  },
  '/v1/stats': SERIES,
  '/v1/queues': {
    scope: 'tenant',
    at: '',
    queues: [
      { tenant: 'acme', priority: 'medium', waiting: 3, inFlight: 16, retrying: 1, weight: 1 },
    ],
  },
  '/v1/incidents': { incidents: [INCIDENT] },
  '/v1/incidents/i1': INCIDENT,
  '/v1/decisions': { decisions: [DECISION] },
  '/v1/tasks:count': {
    at: '',
    groupBy: 'state',
    exact: true,
    scanned: 0,
    groups: [
      { key: 'completed', count: 1_204 },
      { key: 'running', count: 28 },
    ],
  },
  '/v1/tasks:cancel': {
    dryRun: true,
    matched: 41,
    cancelled: 0,
    scanned: 41,
    taskIds: [],
    failed: [],
  },
  [`/v1/tasks/${TASK.id}`]: TASK,
  [`/v1/tasks/${DECIDED.id}`]: DECIDED,
  [`/v1/tasks/${TASK.id}/events`]: { events: eventsOf(6) },
  '/v1/goals': { goals: SUMMARIES.slice(0, 4), scanned: 4 },
  '/v1/agents': {
    agents: [{ name: 'reviewer', version: 2, builtIn: false, model: 'gpt-4o-mini' }],
  },
  '/v1/agents/reviewer/versions': { versions: [AGENT(2), AGENT(1)] },
  '/v1/tools': {
    tools: [
      {
        name: 'calculate',
        description: 'Calculates.',
        source: 'built-in',
        approval: false,
        nodes: 2,
      },
    ],
  },
  '/v1/schedules': { schedules: [SCHEDULE] },
  '/v1/schedules/report': SCHEDULE,
  '/v1/schedules/report/ticks': {
    next: [],
    last: [
      { at: '2026-01-30T07:00:00.000Z', skipped: false, taskId: TASK.id, state: 'completed' },
      { at: '2026-01-29T07:00:00.000Z', skipped: true },
    ],
  },
  '/v1/keys': { keys: [] },
  '/v1/audit': {
    events: [
      {
        seq: 1,
        at: '2026-01-31T11:00:00.000Z',
        kind: 'change',
        operation: 'approveStep',
        keyId: 'env-1',
        tenant: 'acme',
        target: DECIDED.id,
        status: 200,
        count: 1,
      },
    ],
  },
  '/v1/schedules:preview': { ticks: ['2026-02-02T07:00:00.000Z', '2026-02-03T07:00:00.000Z'] },
  '/v1/limits': {
    tenant: 'acme',
    at: '',
    limits: {
      weight: 2,
      tasks: 100_000,
      agents: 200,
      schedules: 200,
      streams: 1_000,
      heldRequests: 5_000,
    },
    holds: {
      tasks: 41,
      ended: 1_251,
      logBytes: 2_097_152,
      concurrency: 16,
      agents: 3,
      schedules: 2,
      streams: 1,
      heldRequests: 0,
    },
    spent: { hour: { tokens: 22_880, costUsd: 0.0045 }, day: { tokens: 481_220, costUsd: 0.0972 } },
    budget: {
      usdPerDay: {
        limit: 50,
        used: 0.0972,
        setAside: 0.0031,
        resetsAt: '2026-02-01T00:00:00.000Z',
      },
    },
    providers: [
      {
        provider: 'openai',
        model: 'gpt-4o-mini',
        nodes: 2,
        calls: 842,
        breaker: 'closed',
        closedForMs: 0,
        learned: [],
        keyLimits: { requestsPerMinute: 500, requestsLeft: 4, closedForMs: 0, waiting: 2 },
      },
    ],
  },
  '/v1/usage': {
    from: '2026-01-30',
    to: '2026-01-31',
    total: USAGE,
    days: [
      { day: '2026-01-31', models: [{ provider: 'openai', model: 'gpt-4o-mini', usage: USAGE }] },
    ],
  },
}

function answer({ pathname, searchParams }: URL): unknown {
  if (searchParams.get('groupBy') === 'agent') return AGENT_SERIES
  if (pathname !== '/v1/tasks') return ANSWERS[pathname]
  const approvals = searchParams.get('waitingKind') === 'approval'
  const waits = { kind: 'approval', step: 1, tool: 'pay_out', arguments: { amount: 5 } }
  const asking = { ...summaryOf(1), state: 'waiting', waitingFor: waits }
  const tasks = approvals ? [asking] : SUMMARIES
  return { tasks, scanned: tasks.length, keptFrom: '2026-01-24T12:00:00.000Z' }
}

/** Each view, and what it shows when its data are drawn. */
const VIEWS: Readonly<Record<string, string>> = {
  '/': 'Last actions of the control plane',
  '/tasks': SUMMARIES[0]!.preview,
  [`/tasks/${TASK.id}`]: 'Attempt 1',
  '/fleet': 'worker-00001',
  '/agents/reviewer': 'What changed in',
  '/usage': '2026-01-31',
  '/goals': SUMMARIES[0]!.preview,
  '/approvals': 'Send the invoice to the accounting department instead.',
  '/decisions': 'the queue grows faster',
  '/incidents': 'worker-00007',
  '/agents': 'calculate',
  '/schedules': 'Write the report',
  '/schedules/report': 'Next five ticks',
  '/schedules?form=new': 'Next five ticks',
  '/schedules/report?form=edit': 'What changes',
  '/goals?form=new': 'When the planner has a plan',
  '/tasks?form=new': 'Start after, minutes',
  '/incidents/i1': 'What happened',
  '/fleet/worker-00001': 'Your tasks on it',
}
/** The views that have a stored picture. */
const PICTURED = Object.keys(VIEWS).slice(0, 6)

/** The elements that are not in a box that scrolls and end to the right of the screen. */
const TOO_WIDE = `[...document.querySelectorAll('body *')]
  .filter((each) => each.getBoundingClientRect().right > innerWidth && each.closest('.scroll, .rail') === null)
  .map(({ outerHTML }) => outerHTML.slice(0, 100)).slice(0, 4).join(' | ')`

/** The columns of long tables that have no room for a word. */
const TOO_NARROW = `[...document.querySelectorAll('.rows:not(.stacked) thead th')]
  .filter((each) => each.getBoundingClientRect().width < 40).map((each) => each.textContent)`

/** The tables that are read by scrolling sideways. */
const SIDEWAYS = `[...document.querySelectorAll('.scroll:not(.plan)')]
  .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.getAttribute('aria-label'))`

/** Gives all text the distances of WCAG 1.4.12, as a reader's own style sheet does. */
const SPACED = `(() => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }')
  document.adoptedStyleSheets = [sheet]
})()`

/** Each dialog, by the view and the button that opens it. */
const DIALOGS = [
  ['/tasks', 'Shortcuts'],
  ['/tasks', 'Cancel all that match …'],
  ['/tasks', 'Replay all that match …'],
  ['/fleet/worker-00001', 'Drain the node …'],
  ['/agents/reviewer', 'Change the definition'],
] as const

async function open(view: string): Promise<void> {
  await page.goto(`${stub.url}/console${view}`)
  await page
    .locator('main')
    .getByText(VIEWS[view] ?? '')
    .first()
    .waitFor()
  // The canvas is sized in one frame and drawn in the next.
  await page.evaluate(`(async () => {
    for (let frame = 0; frame < 4; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve))
  })()`)
}

describe.each(LOOKS)('the page in the %s look', (colorScheme) => {
  beforeAll(() => page.emulateMedia({ colorScheme }))

  it('has no violation of WCAG 2.2 AA in any view or dialog', async () => {
    const found: string[] = []
    for (const view of Object.keys(VIEWS)) {
      await open(view)
      found.push(...(await browser.violations(page)).map((line) => `${view} ${line}`))
    }
    for (const [view, button] of DIALOGS) {
      await open(view)
      await page.getByRole('button', { name: button }).click()
      found.push(...(await browser.violations(page)).map((line) => `${button} ${line}`))
    }
    expect(found).toEqual([])
  })

  it.each(PICTURED)('looks the same at %s as in the stored picture', async (view) => {
    await open(view)
    const name = `${view.split('/')[1] || 'now'}${view.split('/').length > 2 ? '-one' : ''}`
    const file = `${PICTURES}${name}-${colorScheme}.png`
    const drawn = await page.screenshot({})
    if (process.env['PICTURES'] === 'write') {
      await mkdir(PICTURES, { recursive: true })
      await writeFile(file, drawn)
    }
    expect(await difference(drawn, await readFile(file))).toBeLessThanOrEqual(DIFFERENT_MAX)
  })
})

describe.each([
  [640, 'of 200 %'],
  [320, 'of 400 %'],
])('the page on a screen of %i pixels, as with a zoom %s', (width) => {
  beforeAll(() => page.setViewportSize({ width, height: 640 }))

  it('can be read without horizontal scrolling in every view, also with more space between letters and lines', async () => {
    const found: string[] = []
    const look = async (view: string) => {
      if ((await page.evaluate('document.documentElement.scrollWidth')) !== width) {
        found.push(`${view}: ${String(await page.evaluate(TOO_WIDE))}`)
      }
      for (const script of [TOO_NARROW, SIDEWAYS]) {
        found.push(...((await page.evaluate(script)) as string[]).map((name) => `${view} ${name}`))
      }
    }
    for (const view of Object.keys(VIEWS)) {
      await open(view)
      await look(view)
      // The rules do not depend on the width, except for the size and the distance of what can be clicked.
      if (width === 320) {
        found.push(...(await browser.violations(page)).map((line) => `${view} ${line}`))
      }
      await page.evaluate(SPACED)
      await look(`${view} with more space`)
    }
    expect(found).toEqual([])
  })
})

/** The share of pixels that differ visibly between two pictures, which the browser itself compares. */
async function difference(one: Buffer, other: Buffer): Promise<number> {
  if (one.equals(other)) return 0
  const blank = await session.newPage()
  const share = await blank.evaluate(`(async () => {
    const pixels = async (base64) => {
      const image = new Image()
      image.src = 'data:image/png;base64,' + base64
      await image.decode()
      const canvas = new OffscreenCanvas(image.width, image.height)
      const context = canvas.getContext('2d')
      context.drawImage(image, 0, 0)
      return context.getImageData(0, 0, image.width, image.height)
    }
    const [a, b] = await Promise.all(['${one.toString('base64')}', '${other.toString('base64')}'].map(pixels))
    if (a.width !== b.width || a.height !== b.height) return 1
    let different = 0
    for (let at = 0; at < a.data.length; at += 4) {
      const far = [0, 1, 2].some((part) => Math.abs(a.data[at + part] - b.data[at + part]) > 24)
      if (far) different += 1
    }
    return different / (a.width * a.height)
  })()`)
  await blank.close()
  return share as number
}
