import { signal } from '@preact/signals'
import { recall, remember } from './remembered.ts'

/** The looks that a reader can choose; `system` follows the operating system. */
export const THEMES = ['system', 'light', 'dark'] as const
/** One of the looks. */
export type Theme = (typeof THEMES)[number]

const KEY = 'agentfleet.theme'

/** The look that the reader chose. */
export const theme = signal<Theme>('system')

/** Applies a look and remembers it. */
export function setTheme(chosen: Theme): void {
  theme.value = chosen
  document.documentElement.dataset['theme'] = chosen
  remember(KEY, chosen)
}

setTheme(THEMES.find((each) => each === recall(KEY)) ?? 'system')
