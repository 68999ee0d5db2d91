import { computed, signal } from '@preact/signals'
import { FOLDER, pathOf, placeOf, type Place, type ViewName } from './routes.ts'

/** The path of a proxy before every address; the gateway writes it into the page. */
const prefix = document.querySelector<HTMLMetaElement>('meta[name="public-path"]')?.content ?? ''
const address = signal(location.pathname + location.search)

/** The place that the address bar names. */
export const place = computed<Place>(() => {
  const [pathname = '', search = ''] = address.value.split('?')
  return placeOf(pathname.slice(prefix.length), search)
})

/** Whether the reader came here with the back or the forward button. */
export const returned = signal(false)
/** How far the reader had scrolled at each entry of the history, pixels. */
const scrolled = new Map<number, number>()
let entry = entryOf(history.state)
// The browser would scroll before the content of the view has arrived.
history.scrollRestoration = 'manual'

addEventListener('popstate', ({ state }: PopStateEvent) => {
  scrolled.set(entry, scrollY)
  entry = entryOf(state)
  returned.value = true
  address.value = location.pathname + location.search
  scrollBack(scrolled.get(entry) ?? 0)
})

function entryOf(state: unknown): number {
  return typeof state === 'number' ? state : 0
}

/** The content of a view arrives after the view; scrolling waits for it this long, milliseconds. */
const SCROLL_BACK_WITHIN_MS = 2_000

/** Scrolls to where the reader was, as soon as the view is long enough. */
function scrollBack(topPx: number): void {
  const own = entry
  const untilMs = performance.now() + SCROLL_BACK_WITHIN_MS
  const look = () => {
    if (entry !== own) return
    const isDrawn = document.documentElement.scrollHeight - innerHeight >= topPx
    if (isDrawn || performance.now() > untilMs) scrollTo(0, topPx)
    else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}

/** Returns the address of a path of the API or of the page, behind the proxy's prefix. */
export function url(path: string): string {
  return prefix + path
}

/** Returns the address of a view, for a link. */
export function linkTo(...target: Parameters<typeof pathOf>): string {
  return url(FOLDER + pathOf(...target))
}

/** Opens a view and adds it to the history. */
export function open(view: ViewName, id?: string, query?: Parameters<typeof pathOf>[2]): void {
  openPath(pathOf(view, id, query))
}

/** Opens a path below `/console`. */
export function openPath(path: string): void {
  scrolled.set(entry, scrollY)
  entry += 1
  returned.value = false
  history.pushState(entry, '', url(FOLDER + path))
  address.value = location.pathname + location.search
  scrollTo(0, 0)
}

/** Changes entries of the query in place, such as filters; an empty value removes the entry. */
export function setQuery(changes: Readonly<Record<string, string | undefined>>): void {
  const { view, id, query } = place.value
  if (view === undefined) return
  history.replaceState(entry, '', url(FOLDER + pathOf(view, id, { ...query, ...changes })))
  address.value = location.pathname + location.search
}

/** Opens a link of the page without loading it again; other clicks stay the browser's. */
export function followLink(event: MouseEvent): void {
  const { target, button, metaKey, ctrlKey, shiftKey, altKey, defaultPrevented } = event
  if (defaultPrevented || button !== 0 || metaKey || ctrlKey || shiftKey || altKey) return
  const link = target instanceof Element ? target.closest('a') : null
  if (link === null || link.target !== '' || link.origin !== location.origin) return
  const start = url(FOLDER)
  if (link.pathname !== start && !link.pathname.startsWith(`${start}/`)) return
  event.preventDefault()
  openPath(link.pathname.slice(start.length) + link.search || '/')
}
