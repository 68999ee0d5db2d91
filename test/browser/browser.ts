import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { installLocked } from '@agentfleet/tools'

/**
 * A real browser from npm for the tests of the page: no root, no system library. Its packages have a manifest and
 * a lock file next to this module, so that `npm start` never installs them.
 */

/** The elements that a test names by what a person reads; the part of Playwright that the tests use. */
interface Locator {
  click(options?: { timeout?: number }): Promise<void>
  fill(text: string): Promise<void>
  press(key: string): Promise<void>
  check(): Promise<void>
  focus(): Promise<void>
  count(): Promise<number>
  first(): Locator
  innerText(): Promise<string>
  isVisible(): Promise<boolean>
  inputValue(): Promise<string>
  getAttribute(name: string): Promise<string | null>
  waitFor(options?: { state?: 'visible' | 'hidden'; timeout?: number }): Promise<void>
  getByRole(role: string, options?: { name?: string | RegExp; exact?: boolean }): Locator
  getByText(text: string | RegExp, options?: { exact?: boolean }): Locator
  getByLabel(text: string | RegExp, options?: { exact?: boolean }): Locator
}

/** One tab. */
export interface Page extends Pick<Locator, 'getByRole' | 'getByText' | 'getByLabel'> {
  goto(url: string): Promise<unknown>
  url(): string
  title(): Promise<string>
  goBack(): Promise<unknown>
  reload(): Promise<unknown>
  locator(selector: string): Locator
  evaluate(script: string): Promise<unknown>
  screenshot(options: { path?: string; fullPage?: boolean }): Promise<Buffer>
  emulateMedia(options: { colorScheme: 'light' | 'dark' }): Promise<void>
  setViewportSize(size: { width: number; height: number }): Promise<void>
  /** The clock of the page; its timers still run. */
  readonly clock: { setFixedTime(ms: number): Promise<void> }
  readonly keyboard: { press(key: string): Promise<void> }
  on(event: 'pageerror', listen: (error: Error) => void): unknown
  on(event: 'console', listen: (message: { type(): string; text(): string }) => void): unknown
  close(): Promise<void>
}

/** A separate session: its tabs share nothing with others. */
export interface Session {
  newPage(): Promise<Page>
  setDefaultTimeout(ms: number): void
  /** The developer tools of a tab. */
  newCDPSession(
    page: Page,
  ): Promise<{ send(method: string, parameters?: object): Promise<unknown> }>
  close(): Promise<void>
}

/** A running browser. */
export interface Browser extends AsyncDisposable {
  newSession(options?: { readonly timezoneId: string }): Promise<Session>
  /** The violations of WCAG 2.2 AA on a page, as short lines. */
  violations(page: Page): Promise<readonly string[]>
}

const HERE = fileURLToPath(new URL('./', import.meta.url))
/** A person would have given up by then, milliseconds. */
const ELEMENT_WITHIN_MS = 15_000
const VIEWPORT = { width: 1280, height: 800 }
/** The package's own arguments switch web security off; these keep it on and let the browser reach this machine only. */
const ARGUMENTS = [
  '--headless=shell',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--disable-domain-reliability',
  '--font-render-hinting=none',
  '--force-color-profile=srgb',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
]
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

interface Chromium {
  readonly default: { executablePath(): Promise<string> }
}
interface Playwright {
  readonly chromium: {
    launch(
      options: object,
    ): Promise<{ newContext(options: object): Promise<Session>; close(): Promise<void> }>
  }
}

/** Installs the browser if needed and starts it. */
export async function startBrowser(): Promise<Browser> {
  await installLocked(HERE)
  const load = createRequire(join(HERE, 'package.json'))
  const executablePath = await unpack(load)
  const { chromium } = load('playwright-core') as Playwright
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS })
  const axe = await readFile(load.resolve('axe-core/axe.min.js'), 'utf8')
  return {
    async newSession(options) {
      const session = await browser.newContext({ viewport: VIEWPORT, locale: 'en-GB', ...options })
      session.setDefaultTimeout(ELEMENT_WITHIN_MS)
      return session
    },
    async violations(page) {
      await page.evaluate(`window.axe === undefined && (() => { ${axe} })()`)
      const found = await page.evaluate(
        `axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) =>
          violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | ')))`,
      )
      return found as string[]
    },
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

/**
 * Unpacks the browser, unless an earlier test did, and returns its path. The package unpacks into the temporary
 * folder by a name without a version and for its user only, so each version and user gets a folder; that folder appears
 * with everything in it, so that a test never starts a browser that another process still unpacks. The package unpacks
 * its own fonts and libraries only for AWS Lambda.
 */
async function unpack(load: NodeJS.Require): Promise<string> {
  const manifest = load
    .resolve('@sparticuz/chromium')
    .replace(/(node_modules\/@sparticuz\/chromium\/).*/, '$1package.json')
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  const folder = join(tmpdir(), `agentfleet-chromium-${version}-${userInfo().uid}`)
  const stage = existsSync(folder) ? folder : await mkdtemp(`${folder}-`)
  const before = { ...process.env }
  process.env['TMPDIR'] = stage
  process.env['AWS_LAMBDA_JS_RUNTIME'] = 'nodejs20.x'
  try {
    const entry = pathToFileURL(load.resolve('@sparticuz/chromium')).href
    const { default: chromium } = (await import(entry)) as Chromium
    const path = await chromium.executablePath()
    if (stage !== folder) await putInPlace(stage, folder)
    return path.replace(stage, folder)
  } finally {
    // The browser itself finds its fonts and libraries by these; the rest of this process needs its own folder.
    const { TMPDIR: previous } = before
    if (previous === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = previous
    process.env['FONTCONFIG_FILE'] = join(folder, 'fonts.conf')
    process.env['LD_LIBRARY_PATH'] = (process.env['LD_LIBRARY_PATH'] ?? '').replaceAll(
      stage,
      folder,
    )
  }
}

/** Gives the unpacked browser its final name; deletes it if another process was faster. */
async function putInPlace(stage: string, folder: string): Promise<void> {
  const fonts = `<dir>${folder}/fonts</dir><cachedir>${folder}/font-cache</cachedir>`
  await writeFile(
    join(stage, 'fonts.conf'),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${fonts}</fontconfig>`,
  )
  await rename(stage, folder).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    await rm(stage, { recursive: true, force: true })
  })
}
