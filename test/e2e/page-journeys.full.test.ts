import { fileURLToPath } from 'node:url'
import { createClient, type Client } from '@agentfleet/client'
import { eventually, startTestFleet, type TestFleet, playScript } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from '../browser/browser.ts'
import { openTab, type Tab } from '../browser/tab.ts'

/**
 * What people do with the page while processes die and keys differ, on one fleet that a proxy offers under a path.
 * The ways through the page that kill nothing are in `page.test.ts`.
 */

const SOON_MS = 30_000
/** A reader sees within this that a node is not well, milliseconds. */
const NODE_SEEN_MS = 3_000
const PUBLIC_PATH = '/team/a'
const KEYS = { page: 'page-key-0123456789=/:', other: 'other-key-0123456789' }
const ADMIN_KEY = 'admin-key-0123456789-0123456789-0123456789'
const TOOLS_DIR = fileURLToPath(new URL('../../services/worker/test/tool-folder', import.meta.url))
/** The answer takes long enough that the node dies while the model writes. */
const SLOW = 'sim?ttft=100&tps=20&tokens=100'
/** More than one page of the list, and more than one page of a bulk action. */
const MANY = 210

let test: TestFleet
let client: Client
let first: Tab
let page: Page
let hidden: Page
/** Requests that the hidden tab had made when it was hidden. */
let hiddenBefore = 0
const faults: string[] = []
beforeAll(async () => {
  test = await startTestFleet({
    workers: 3,
    timeScale: 0.1,
    env: {
      gateway: {
        API_KEYS: `page:${KEYS.page},other:${KEYS.other}`,
        ADMIN_KEY,
        API_HOST: '127.0.0.1',
        PUBLIC_PATH,
        DEFAULT_MODEL: 'sim',
      },
      worker: { WORKER_SLOTS: '8', TOOLS_DIR, TOOL_LOG: '/dev/null' },
    },
  })
  client = createClient({ baseUrl: test.fleet.url, apiKey: KEYS.page })
  first = await openTab({ timezoneId: 'Asia/Kolkata' })
  first.session.setDefaultTimeout(SOON_MS)
  page = first.page
  page.on('pageerror', ({ message }) => faults.push(message))
  page.on('console', (message) => {
    const isAnswer = /status of \d+|WebSocket|ERR_CONNECTION/.test(message.text())
    if (message.type() === 'error' && !isAnswer) faults.push(message.text())
  })
}, 400_000)
afterAll(async () => {
  await first[Symbol.asyncDispose]()
  await test[Symbol.asyncDispose]()
})

const address = (path: string) => `${test.fleet.url}${PUBLIC_PATH}/console${path}`
const requests = `performance.getEntriesByType('resource').length`

async function enterKey(tab: Page, key: string): Promise<void> {
  await tab.getByLabel('API key').fill(key)
  await tab.getByRole('button', { name: 'Use the key' }).click()
  await tab.getByLabel('API key').waitFor({ state: 'hidden' })
}

/** Makes the view read its data now, not at its next turn. */
async function renew(tab: Page): Promise<void> {
  await tab.getByRole('button', { name: 'Pause', exact: true }).click()
  await tab.getByRole('button', { name: 'Resume', exact: true }).click()
}

describe('the page behind a proxy', () => {
  it('keeps the deep link while it asks for a key, takes keys with any character, and gives them to other tabs', async () => {
    await page.goto(address('/fleet?fill=cpu'))
    await enterKey(page, KEYS.page)
    await page.getByRole('heading', { name: 'Fleet' }).waitFor()
    expect(page.url()).toBe(address('/fleet?fill=cpu'))
    hidden = await first.session.newPage()
    await hidden.goto(address('/fleet'))
    await hidden.getByRole('rowheader').first().waitFor()
    hiddenBefore = (await hidden.evaluate(`(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })
      document.dispatchEvent(new Event('visibilitychange'))
      return ${requests}
    })()`)) as number
  })

  it('submits a task with a form that marks a refused field, and follows the task to its end', async () => {
    const field = (name: string) => page.locator('form.box').getByLabel(name, { exact: true })
    await page.goto(address('/tasks'))
    await page.getByText('You have no tasks.').waitFor()
    await page.getByRole('button', { name: 'New task' }).click()
    await field('Task').fill('Summarise the report')
    await field('Model').fill('sim-steps?n=4&ms=100')
    await field('Budget, USD').fill('-1')
    await field('Budget, USD').press('Enter')
    await page.getByText('Budget, USD must be > 0').waitFor()
    await field('Budget, USD').fill('')
    await field('Time limit, minutes').fill('10')
    await page.getByRole('button', { name: 'Submit the task' }).click()
    await page.getByText(/Completed after/).waitFor()
    expect(await page.getByRole('rowheader', { name: /^Tool / }).count()).toBeGreaterThan(1)
    const id = page.url().slice(address('/tasks/').length)
    const { createdAt, deadlineAt } = await client.get(id)
    expect(Date.parse(deadlineAt) - Date.parse(createdAt)).toBe(600_000)
  })

  it('finds a failed task by its agent, says why it failed, and replays it from the journal, all by keyboard', async () => {
    const turns = [
      { toolCalls: [{ name: 'calculate', arguments: '{"expression":"1+1"}' }] },
      { error: { status: 400, message: 'The model is closed.' } },
    ]
    const model = await playScript(test.fleet.simulators[0], 'broken', turns)
    const { id } = await client.submit({ task: 'Add up', agent: 'developer', model })
    await eventually(async () => expect((await client.get(id)).state).toBe('failed'), SOON_MS)
    await page.locator('h1').focus()
    for (const key of ['g', 't']) await page.keyboard.press(key)
    await page.getByRole('button', { name: 'failed' }).press('Enter')
    await page.getByLabel('Agent').fill('developer')
    await page.getByLabel('Agent').press('Enter')
    await page.locator(`a[href$="${id}"]`).waitFor()
    expect(page.url()).toBe(address('/tasks?state=failed&agent=developer'))
    await page.locator('h1').focus()
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.getByText(/Failed after/).waitFor()
    await page.getByRole('button', { name: /^Replay from journal/ }).press('Enter')
    await page.getByText('Replay of').waitFor()
    expect(page.url()).not.toContain(id)
  })

  it('counts what a bulk action would cancel, and cancels exactly that', async () => {
    const tasks = Array.from({ length: MANY }, (_, index) => ({
      task: `Wait a week ${index}`,
      delayMs: 600_000_000,
      metadata: { batch: 'weekly' },
    }))
    await client.submitBatch(tasks)
    await page.goto(address('/tasks?state=waiting&metadata=batch%3Dweekly'))
    await page.getByRole('button', { name: `waiting ${MANY}` }).waitFor()
    await page.getByRole('button', { name: 'Cancel all that match …' }).click()
    await page.getByText(`${MANY} tasks would be cancelled.`).waitFor()
    await page.getByRole('button', { name: `Cancel ${MANY} tasks` }).click()
    await page.getByText(`${MANY} of ${MANY} cancelled.`).waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('No task matches').waitFor()
  })

  it('leads to the tasks before and after, then back to the place in the list, and keeps the list as a named view', async () => {
    await page.goto(address('/tasks?state=cancelled'))
    const rows = page.locator('main tbody th a')
    await rows.first().waitFor()
    await page.evaluate(`document.querySelector('.tall').scrollTop = 1_400`)
    await page.getByText('200 tasks loaded').waitFor()
    const ids = async () =>
      (await page.evaluate(
        `[...document.querySelectorAll('main tbody th a')].map(({ title }) => title)`,
      )) as readonly string[]
    await eventually(async () => expect((await ids()).length).toBeGreaterThan(20), SOON_MS)
    const [, , , , , , , , , , at = '', next = ''] = await ids()
    await page.locator(`main tbody a[href$="${at}"]`).click()
    await page.getByRole('heading', { name: at }).waitFor()
    await page.keyboard.press(']')
    await page.getByRole('heading', { name: next }).waitFor()
    await page.keyboard.press('[')
    await page.getByRole('heading', { name: at }).waitFor()
    for (let steps = 0; steps < 3; steps += 1) await page.goBack()
    await page.locator(`main tbody a[href$="${at}"]`).waitFor()
    expect(await page.evaluate(`document.querySelector('.tall').scrollTop`)).toBeGreaterThan(1_000)

    await page.getByText('Saved views').click()
    await page.getByLabel('Name of the view').fill('stopped')
    await page.getByRole('button', { name: 'Save this view' }).click()
    await page.goto(address('/tasks'))
    await page.getByText('Saved views (1)').click()
    await page.getByRole('link', { name: 'stopped' }).click()
    expect(page.url()).toBe(address('/tasks?state=cancelled'))
    await page.getByRole('button', { name: 'Remove the view stopped' }).click()
    await page.getByText('You have saved no view.').waitFor()
  })

  it('writes times in UTC after a click, and still does so after a reload', async () => {
    const zones = () => page.evaluate(`document.querySelector('main time')?.title`)
    await page.goto(address('/decisions'))
    await page.locator('main time').first().waitFor()
    expect(await zones()).toMatch(/ GMT\+5:30$/)
    await page.getByRole('button', { name: 'UTC' }).click()
    await page.reload()
    await page.locator('main time').first().waitFor()
    expect(await zones()).toMatch(/ UTC$/)
    await page.getByRole('button', { name: 'UTC' }).click()
    expect(await page.getByRole('button', { name: 'UTC' }).getAttribute('aria-pressed')).toBe(
      'false',
    )
  })

  it('says that a key was revoked, takes another key, and keeps what the reader had entered', async () => {
    const admin = createClient({ baseUrl: test.fleet.url, apiKey: ADMIN_KEY })
    const scopes = [
      'tasks:read',
      'tasks:write',
      'tasks:approve',
      'agents:write',
      'fleet:read',
    ] as const
    const made = await admin.createKey({ name: 'short', tenant: 'page', scopes: [...scopes] })
    const own = await first.browser.newSession()
    own.setDefaultTimeout(SOON_MS)
    const tab = await own.newPage()
    await tab.goto(address('/approvals'))
    await enterKey(tab, made.key)
    const pay = { toolCalls: [{ name: 'pay_out', arguments: '{"amount":5}' }] }
    const model = await playScript(test.fleet.simulators[0], 'pay', [pay, { content: 'paid' }])
    const { id } = await client.submit({ task: 'Pay the invoice', model, tools: ['pay_out'] })
    await eventually(async () => expect((await client.get(id)).state).toBe('waiting'), SOON_MS)
    await renew(tab)
    await tab.getByLabel('Note to the agent').fill('The invoice is right.')
    await admin.revokeKey(made.id)
    await renew(tab)
    await tab.getByRole('heading', { name: 'Your API key is no longer valid' }).waitFor()
    expect(await first.browser.violations(tab)).toEqual([])
    await enterKey(tab, KEYS.page)
    expect(tab.url()).toBe(address('/approvals'))
    await tab.getByRole('button', { name: 'Approve pay_out' }).click()
    await tab.getByText('No task waits for a person.').waitFor()
    // The button is gone; the keyboard continues at the heading.
    expect(await tab.evaluate('document.activeElement.tagName')).toBe('H1')
    await eventually(async () => {
      const { approvals, state } = await client.get(id)
      expect([state, approvals?.[0]?.note]).toEqual(['completed', 'The invoice is right.'])
    }, SOON_MS)
    await tab.goto(address(`/tasks/${id}`))
    await tab.getByText('The invoice is right.', { exact: true }).waitFor()
    await tab.getByRole('button', { name: 'Forget key' }).click()
    await enterKey(tab, ADMIN_KEY)
    await tab.goto(address('/approvals'))
    await tab.getByRole('region', { name: 'Decided steps, latest first' }).waitFor()
    expect(await tab.locator(`main tbody a[href$="${id}"]`).count()).toBe(1)
    await own.close()
  })

  it('shows within seconds that a node died, and the next attempt replaces the text', async () => {
    const fleet = await first.session.newPage()
    await fleet.goto(address('/fleet'))
    await fleet.getByRole('rowheader').first().waitFor()
    const { id } = await client.submit({ task: 'Write a long story', model: SLOW })
    await page.goto(address(`/tasks/${id}?tab=output`))
    await page.getByText(/^Attempt 1 on/).waitFor()
    const { node } = await eventually(async () => {
      const view = await client.get(id)
      expect(view.node).toBeDefined()
      return view
    }, SOON_MS)
    const worker = test.fleet.members('worker').find((member) => member.id === node)
    worker?.kill('SIGKILL')
    await fleet.locator('.mark.retrying, .mark.failed').first().waitFor({ timeout: NODE_SEEN_MS })
    await page.getByText(/^Attempt 2 on/).waitFor()
    const result = page.getByRole('region', { name: 'Result' })
    await result.waitFor()
    expect((await result.innerText()).trim()).toBe(String((await client.get(id)).result).trim())
    await page.getByRole('button', { name: 'timeline' }).click()
    await page.getByRole('rowheader', { name: 'Attempt 2' }).waitFor()
    await fleet.goto(address(`/incidents?node=${node}`))
    await fleet.locator('tbody th a').first().click()
    await fleet.getByRole('rowheader', { name: 'Tasks given back' }).waitFor()
    await fleet.close()
  })

  it('shows the user both changes when an agent is edited in two tabs', async () => {
    const other = await first.session.newPage()
    await client.putAgent('writer', { systemPrompt: 'You write.' })
    const edit = async (tab: Page, prompt: string) => {
      await tab.goto(address('/agents/writer'))
      await tab.getByRole('button', { name: 'Change the definition' }).click()
      await tab.getByLabel('System prompt').fill(prompt)
    }
    await edit(page, 'You write short texts.')
    await edit(other, 'You write long texts.')
    await other.getByRole('button', { name: 'Save as a new version' }).click()
    await other.getByRole('button', { name: 'Change the definition' }).waitFor()
    await page.getByRole('button', { name: 'Save as a new version' }).click()
    await page.getByText('Version 2 was saved while you edited').waitFor()
    expect(await first.browser.violations(page)).toEqual([])
    await page.getByRole('button', { name: 'Save mine as a new version' }).click()
    await page.getByText('You write short texts.').first().waitFor()
    await other.close()
  })

  it('creates a schedule with a form that marks a refused field, and submits a goal whose plan is held', async () => {
    const field = (name: string) => page.locator('form.box').getByLabel(name, { exact: true })
    await page.goto(address('/schedules?form=new'))
    await field('Name').fill('report')
    await field('Cron expression').fill('0 6 31 2 *')
    await page.getByText(/^Cron expression must name a time in the future/).waitFor()
    await field('Cron expression').fill('0 6 * * 1')
    await field('Task').fill('Write the report')
    await field('Agent').fill('no-such-agent')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Agent no agent has the name no-such-agent').waitFor()
    await field('Agent').fill('analyst')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('button', { name: 'Pause the schedule' }).waitFor()
    expect((await client.schedule('report')).task.agent).toBe('analyst')
    await page.goto(address('/goals?form=new'))
    await field('Goal').fill('Build a shop')
    await field('Model').fill('sim-planner')
    await field('When the planner has a plan').press('End')
    await page.getByRole('button', { name: 'Submit the goal' }).click()
    await page.getByRole('button', { name: 'Run the plan' }).click()
    await page.getByText(/steps have ended/).waitFor()
  })

  it('shows nothing of a task of another tenant, and explains what a key may not do', async () => {
    const foreign = createClient({ baseUrl: test.fleet.url, apiKey: KEYS.other })
    const { id } = await foreign.submit({ task: 'A secret of the other tenant', model: 'sim' })
    await page.goto(address(`/tasks/${id}`))
    await page.getByText('task-not-found').waitFor()
    const [member] = test.fleet.members('worker')
    await page.goto(address(`/fleet/${member?.id}`))
    await page.getByText('Your key may not drain a node').waitFor()
  })

  it('shows hostile text as plain text, and a long text in parts', async () => {
    const task = '<img src=x onerror="document.title=1"> \u202Eevil ' + 'x'.repeat(60_000)
    const { id } = await client.submit({ task, model: 'sim?ttft=0&tps=0&tokens=10' })
    await page.goto(address(`/tasks/${id}?tab=input`))
    await page.getByText('<img src=x').waitFor()
    await page.getByRole('button', { name: /^Show .* more$/ }).waitFor()
    expect(await page.locator('main img').count()).toBe(0)
    expect((await page.getByRole('region', { name: 'Task' }).innerText()).length).toBeLessThan(
      25_000,
    )
    expect(await page.title()).toContain('AgentFleet')
  })

  it('says that the gateway is away, and continues by itself when it is back', async () => {
    await page.goto(address('/fleet'))
    await page.getByText('Live', { exact: true }).waitFor()
    test.fleet.members('gateway')[0]?.kill('SIGKILL')
    // The gateway is away for a second or two: the reader's own reload falls into it.
    await eventually(async () => {
      for (const key of ['.', '.']) await page.keyboard.press(key)
      expect(await page.getByText(/^The gateway cannot be reached/).count()).toBeGreaterThan(0)
    }, SOON_MS)
    await page.getByText('Live', { exact: true }).waitFor()
  })

  it('sent no request to the API from a tab that was hidden all the time', async () => {
    const later = (await hidden.evaluate(requests)) as number
    // One request may have been under way.
    expect(later - hiddenBefore).toBeLessThanOrEqual(1)
  })

  it('ran without an error and without a refusal of the content security policy', () => {
    expect(faults).toEqual([])
  })
})
