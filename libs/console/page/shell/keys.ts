import { signal } from '@preact/signals'
import { paused } from '../api/load.ts'
import { recall, remember } from './remembered.ts'
import { open } from './router.ts'
import { VIEWS } from './routes.ts'

const SETTING = 'agentfleet.single-keys'
/** `g` and the letter of a view belong together if both are pressed within this, milliseconds. */
const SEQUENCE_MS = 1_500

/** Whether single letters are commands; a reader can switch them off. */
export const singleKeys = signal(recall(SETTING) !== 'off')

/** Whether the list of keys is open. */
export const helpOpen = signal(false)

/** Switches single letters on or off and remembers that. */
export function setSingleKeys(on: boolean): void {
  singleKeys.value = on
  remember(SETTING, on ? 'on' : 'off')
}

/** Listens for the keys that work in every view; returns the function that stops it. */
export function listenForKeys(): () => void {
  let goAtMs = -Infinity
  const listen = (event: KeyboardEvent) => {
    const { key, ctrlKey, metaKey, altKey, target } = event
    if ((ctrlKey || metaKey) && key.toLowerCase() === 'k') {
      event.preventDefault()
      return focusSearch()
    }
    if (!singleKeys.value || ctrlKey || metaKey || altKey || takesText(target)) return
    if (helpOpen.value) return
    const going = event.timeStamp - goAtMs < SEQUENCE_MS
    goAtMs = -Infinity
    const view = VIEWS.find((each) => each.key === key)
    if (going && view !== undefined) open(view.name)
    else if (key === 'g') goAtMs = event.timeStamp
    else if (key === '.') paused.value = !paused.value
    else if (key === '?') helpOpen.value = true
    else if (key === 'j' || key === 'k') moveRow(key === 'j' ? 1 : -1)
    else if (key === 'x') pickRow()
    else if (key === '[' || key === ']') openNeighbour(key === '[' ? 'prev' : 'next')
    else if (key === '/') focusSearch()
    else return
    event.preventDefault()
  }
  addEventListener('keydown', listen)
  return () => removeEventListener('keydown', listen)
}

function takesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest('input:not([type=checkbox]), textarea, select, dialog') !== null
  )
}

function focusSearch(): void {
  document.getElementById('search')?.focus()
}

/** Moves the focus to the link of the next row of the view's first table. */
function moveRow(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>('main tbody th a')]
  const at = links.findIndex((link) => link.closest('tr')?.contains(document.activeElement))
  const next = at === -1 ? 0 : Math.min(links.length - 1, Math.max(0, at + by))
  links[next]?.focus()
}

/** Opens the record before or after the shown one, if the view links to it. */
function openNeighbour(which: 'prev' | 'next'): void {
  document.querySelector<HTMLElement>(`main a[rel=${which}]`)?.click()
}

/** Selects the row that has the focus, or deselects this row. */
function pickRow(): void {
  const row = document.activeElement?.closest('tr')
  row?.querySelector<HTMLElement>('input[type=checkbox]')?.click()
}
