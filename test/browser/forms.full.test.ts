import { SCOPES } from '@agentfleet/domain'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Page } from './browser.ts'
import { ASKING, INCIDENT, taskOf, T0_MS } from './seeded.ts'
import { Refused, type Asked } from './stub.ts'
import { openStubbedTab, type StubbedTab } from './tab.ts'

/** The forms of the page and what they say when the gateway refuses: the stub plays the gateway. */

const TICKS = ['2026-02-02T07:00:00.000Z', '2026-02-03T07:00:00.000Z']
const GOAL = { ...taskOf(0), goal: 'Open a shop', planner: 'chef', stage: 'planning', plans: [] }
const DECISION = { step: 2, approved: false, by: 'k1', person: 'Kim', note: 'No.', atMs: T0_MS }
const TASK = { ...taskOf(2, 'running'), id: ASKING.id, approvals: [DECISION] }
const wrong = (...errors: readonly { pointer: string; detail: string }[]) =>
  new Refused({
    status: 400,
    code: 'invalid-request',
    detail: 'Correct the request.',
    errors: [...errors],
  })

/** What the gateway says of a key that it accepts. */
const VALID = 'valid'

/** The stored schedule as its owner wrote it, with its version. */
let stored: { readonly version: number; readonly [name: string]: unknown } | undefined
/** What the page has sent to change something, by its path. */
let sent: (Asked & { readonly path: string })[] = []

/** The keys that the gateway knows, and why it no longer accepts one of them. */
let keys: Readonly<Record<string, string>> | undefined
/** The keys from the next change on, so that no read in the background is refused before it. */
let keysFromChange: typeof keys

let tab: StubbedTab
let page: Page
beforeAll(async () => {
  tab = await openStubbedTab(answer)
  page = tab.page
}, 300_000)
afterAll(() => tab[Symbol.asyncDispose]())
beforeEach(() => {
  sent = []
  stored = undefined
  keys = undefined
  keysFromChange = undefined
})

function answer({ pathname }: URL, method: string, asked: Asked): unknown {
  if (method === 'POST') keys = keysFromChange ?? keys
  const key = asked.headers.authorization?.slice('Bearer '.length)
  const detail = keys?.[key ?? ''] ?? 'Send a valid API key.'
  if (keys !== undefined && detail !== VALID) {
    return new Refused({ status: 401, code: 'unauthorized', detail })
  }
  switch (pathname) {
    case '/v1/me':
      return { keyId: 'env-1', tenant: 'acme', scopes: SCOPES }
    case '/v1/agents':
      return { agents: [{ name: 'reviewer', version: 2, builtIn: false }] }
    case '/v1/schedules':
      return { schedules: [] }
    case '/v1/schedules:preview':
      return preview(asked.body as { cron: string })
    case '/v1/schedules/report':
      return method === 'PUT' ? put(pathname, asked) : viewOf()
    case '/v1/schedules/report/ticks':
      return { next: [], last: [], manual: [] }
    case '/v1/goals':
      return method === 'POST' ? post(pathname, asked) : { goals: [], scanned: 0 }
    case '/v1/incidents/i1':
      return INCIDENT
    case '/v1/audit':
      return { events: [{ seq: 1, at: TICKS[0], keyId: 'k1', target: ASKING.id, kind: 'change' }] }
    case '/v1/tasks':
      return method === 'POST' ? submitTask(pathname, asked) : { tasks: [ASKING], scanned: 1 }
    case `/v1/tasks/${ASKING.id}`:
      return TASK
    default:
      return pathname === `/v1/goals/${GOAL.id}` ? GOAL : undefined
  }
}

function preview({ cron }: { cron: string }): unknown {
  if (cron.split(' ').length === 5) return { ticks: TICKS }
  return wrong({ pointer: '/cron', detail: 'must have five fields' })
}

function put(path: string, asked: Asked): unknown {
  sent.push({ ...asked, path })
  const { task, ...rest } = asked.body as { task: { agent?: string } }
  if (task.agent === 'stranger') {
    return wrong(
      { pointer: '/task/agent', detail: 'no agent has the name stranger' },
      { pointer: '/task/timeoutMs', detail: 'must be >= 1000' },
    )
  }
  const { 'if-match': match, 'if-none-match': none } = asked.headers
  const isExpected = stored === undefined ? none === '*' : match === `"${stored.version}"`
  if (!isExpected) {
    return new Refused({ status: 412, code: 'version-mismatch', detail: 'There is a newer one.' })
  }
  stored = { overlap: 'allow', paused: false, ...rest, task, version: (stored?.version ?? 0) + 1 }
  return viewOf()
}

function viewOf(): unknown {
  return stored && { name: 'report', updatedAt: TICKS[0], nextAt: TICKS[0], ...stored }
}

function post(path: string, asked: Asked): unknown {
  sent.push({ ...asked, path })
  const { planner } = asked.body as { planner?: string }
  if (planner === 'chef') return GOAL
  return wrong({ pointer: '/planner', detail: 'no agent has this name' })
}

function submitTask(path: string, asked: Asked): unknown {
  sent.push({ ...asked, path })
  const { agent } = asked.body as { agent?: string }
  if (agent !== 'stranger') return TASK
  return wrong(
    { pointer: '/agent', detail: 'no agent has the name stranger' },
    { pointer: '/budget/usd', detail: 'must be > 0' },
  )
}

const button = (name: string) => page.getByRole('button', { name })
const field = (label: string) => page.locator('form.box').getByLabel(label, { exact: true })
/** The text that a screen reader reads about the focused field, after its name. */
const described = () =>
  page.evaluate(`(document.activeElement.getAttribute('aria-describedby') ?? '').split(' ')
    .map((id) => document.getElementById(id)?.textContent ?? '').join(' ')`)

describe('the form of a schedule', () => {
  it('shows the next ticks while the reader types, and what is wrong with the expression at its field', async () => {
    await page.goto(`${tab.stub.url}/console/schedules`)
    await button('New schedule').click()
    expect(page.url()).toBe(`${tab.stub.url}/console/schedules?form=new`)
    expect(await page.evaluate('document.activeElement.labels[0].textContent')).toBe('Name')
    await field('Time zone').fill('Europe/Berlin')
    await page.getByText('02 Feb 2026, 08:00:00 CET').waitFor()
    await field('Cron expression').fill('1 2 3')
    await page.getByText('Cron expression must have five fields').waitFor()
    expect(await described()).toMatch(/must have five fields$/)
    expect(await tab.browser.violations(page)).toEqual([])
    await field('Cron expression').fill('0 8 * * 1')
    await page.getByText('02 Feb 2026, 08:00:00 CET').waitFor()
    expect(await page.locator('[aria-invalid]').count()).toBe(0)
  })

  it('marks each field that the gateway refuses, moves the focus to the first, and keeps what was entered', async () => {
    await page.goto(`${tab.stub.url}/console/schedules?form=new`)
    await field('Name').fill('report')
    await field('Task').fill('Write the report')
    await field('Agent').fill('stranger')
    await field('Time limit, minutes').fill('0.001')
    await button('Save').click()
    await page.getByText('Correct the marked fields.').waitFor()
    expect(await described()).toMatch(/Agent no agent has the name stranger$/)
    await page.getByText('Time limit, minutes must be >= 1000').waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    await field('Agent').fill('reviewer')
    await field('Time limit, minutes').fill('1.5')
    await field('Time limit, minutes').press('Enter')
    await page.getByRole('heading', { name: 'Schedule report' }).waitFor()
    expect(sent.at(-1)?.body).toMatchObject({
      cron: '0 8 * * 1-5',
      overlap: 'skip',
      task: { task: 'Write the report', agent: 'reviewer', timeoutMs: 90_000 },
    })
  })

  it('shows both changes if another client has stored a change meanwhile, and stores the one that the reader wants', async () => {
    stored = { version: 1, cron: '0 8 * * 1', timeZone: 'UTC', task: { task: 'One', tools: ['a'] } }
    await page.goto(`${tab.stub.url}/console/schedules/report`)
    await button('Change the schedule').click()
    await field('Task').fill('Two')
    stored = { ...stored, version: 2, cron: '0 9 * * 1' }
    await button('Save as a new version').click()
    await page.getByText('Version 2 was saved while you edited').waitFor()
    await page.getByRole('region', { name: 'The other change' }).getByText('0 9 * * 1').waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    await button('Save mine as a new version').click()
    await button('Change the schedule').waitFor()
    expect(stored).toMatchObject({
      version: 3,
      cron: '0 8 * * 1',
      task: { task: 'Two', tools: ['a'] },
    })
  })
})

describe('the form of a task', () => {
  it('marks each field that the gateway refuses, submits the corrected task, and opens it', async () => {
    await page.goto(`${tab.stub.url}/console/tasks?agent=reviewer`)
    await button('New task').click()
    expect(page.url()).toBe(`${tab.stub.url}/console/tasks?agent=reviewer&form=new`)
    expect(await page.evaluate('document.activeElement.labels[0].textContent')).toBe('Task')
    await field('Task').fill('Write the report')
    await field('Agent').fill('stranger')
    await field('Budget, USD').fill('0')
    await button('Submit the task').click()
    await page.getByText('Correct the marked fields.').waitFor()
    expect(await described()).toMatch(/Agent no agent has the name stranger$/)
    await page.getByText('Budget, USD must be > 0').waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    await field('Agent').fill('reviewer')
    await field('Budget, USD').fill('0.5')
    await field('Priority').press('End')
    await field('Time limit, minutes').fill('10')
    await field('Start after, minutes').fill('1')
    await button('Submit the task').click()
    await page.getByRole('heading', { name: TASK.id }).waitFor()
    expect(sent.at(-1)?.body).toEqual({
      task: 'Write the report',
      agent: 'reviewer',
      budget: { usd: 0.5 },
      priority: 'high',
      timeoutMs: 600_000,
      delayMs: 60_000,
    })
  })

  it('keeps the filters of the list when the reader discards the form', async () => {
    await page.goto(`${tab.stub.url}/console/tasks?state=failed&form=new`)
    await button('Discard').click()
    await button('New task').waitFor()
    expect(page.url()).toBe(`${tab.stub.url}/console/tasks?state=failed`)
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H1')
  })
})

describe('the form of a goal', () => {
  it('submits a held goal with a budget, says what is wrong with the planner, and opens the goal', async () => {
    await page.goto(`${tab.stub.url}/console/goals`)
    await button('New goal').click()
    await field('Goal').fill('Open a shop')
    await field('Planner').fill('cook')
    await field('Budget, USD').fill('2.5')
    await field('When the planner has a plan').press('End')
    await button('Submit the goal').click()
    await page.getByText('Planner no agent has this name').waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    await field('Planner').fill('chef')
    await button('Submit the goal').click()
    await page.getByText('The planner makes a plan.').waitFor()
    expect(page.url()).toBe(`${tab.stub.url}/console/goals/${GOAL.id}`)
    const budget = { usd: 2.5 }
    expect(sent.at(-1)?.body).toEqual({ goal: 'Open a shop', planner: 'chef', budget, run: false })
    const keys = sent.map(({ headers }) => headers['idempotency-key'])
    expect(new Set(keys).size).toBe(2)
  })
})

describe('the views of approvals and incidents', () => {
  it('say how long a person can decide, and what was decided by whom, when and why', async () => {
    await page.clock.setFixedTime(T0_MS)
    await page.goto(`${tab.stub.url}/console/approvals`)
    await page.getByText('10 m 00 s left').waitFor()
    const row = page.getByRole('region', { name: 'Decided steps, latest first' }).getByRole('row')
    await row.getByText('Kim (key k1)').waitFor()
    const words = await row.getByText('refused').count()
    expect([words, await row.getByText('No.').count()]).toEqual([1, 1])
  })

  it('show the stages of an incident on one axis with the times between them', async () => {
    await page.goto(`${tab.stub.url}/console/incidents/i1`)
    await page.getByText('900 ms after “Last heartbeat”').waitFor()
    const texts = `[...document.querySelectorAll('.axis text')].map((each) => each.textContent)`
    const drawn = ['Last heartbeat', '900 ms', 'Detected', '100 ms', 'Opened', '200 ms']
    expect(await page.evaluate(texts)).toEqual([...drawn, 'Tasks given back'])
  })
})

describe('a key that ends while the page is open', () => {
  const enter = async (key: string) => {
    await page.getByLabel('API key').fill(key)
    await button('Use the key').click()
  }

  it.each([
    ['expired', 'This key expired at 2026-01-31T11:59:00.000Z; ask for a new key.'],
    ['was revoked', 'An admin revoked this key at 2026-01-31T11:59:00.000Z; ask for another key.'],
  ])(
    'is asked for again with the time at which it %s, and the form keeps what was entered',
    async (_end, why) => {
      keys = { first: VALID, second: VALID }
      await page.goto(`${tab.stub.url}/console/goals?form=new`)
      await enter('first')
      await field('Goal').fill('Open a shop')
      await field('Planner').fill('chef')
      keysFromChange = { first: why, second: VALID }
      await button('Submit the goal').click()
      await page.getByRole('heading', { name: 'Your API key is no longer valid' }).waitFor()
      const words = await page.getByRole('alert').first().innerText()
      const [before, after] = why.split('2026-01-31T11:59:00.000Z')
      expect(words).toContain(`${before}31 Jan 2026, 11:59:00 UTC${after}`)
      expect(await tab.browser.violations(page)).toEqual([])
      await enter('first')
      await page.getByText(why).waitFor()
      await enter('third')
      await page.getByText('The gateway does not know this key.').waitFor()
      expect(sent).toEqual([])
      await enter('second')
      await button('Submit the goal').click()
      await page.getByText('The planner makes a plan.').waitFor()
      expect(sent.map(({ body }) => body)).toEqual([{ goal: 'Open a shop', planner: 'chef' }])
      await button('Forget key').click()
    },
  )
})
