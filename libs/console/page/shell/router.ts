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

addEventListener('popstate', () => {
  address.value = location.pathname + location.search
})

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
  history.pushState(null, '', url(FOLDER + path))
  address.value = location.pathname + location.search
  scrollTo(0, 0)
}

/** Changes entries of the query in place, such as filters; an empty value removes the entry. */
export function setQuery(changes: Readonly<Record<string, string | undefined>>): void {
  const { view, id, query } = place.value
  if (view === undefined) return
  history.replaceState(null, '', url(FOLDER + pathOf(view, id, { ...query, ...changes })))
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
