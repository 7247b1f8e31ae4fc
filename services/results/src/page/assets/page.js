// Keeps the page up to date: asks for it again (304 unless something changed) and swaps its live part.
// Everything that it does, a reader without scripts does with the link "refresh".
const refreshLink = document.getElementById('refresh');
const pauseButton = document.getElementById('pause');
const trouble = document.getElementById('trouble');
const announcer = document.getElementById('announcer');

const MOST_PAUSE_S = 60;
/** Seconds between two announcements to a screen reader: it must not talk without end. */
const QUIET_S = 30;
let failures = 0;
let paused = false;
let timer;
let lastSaid = Number.NEGATIVE_INFINITY;

const live = () => document.getElementById('live');
const everySeconds = () => Number(live().dataset.every);

function schedule() {
  clearTimeout(timer);
  const every = everySeconds();
  if (every === 0) {
    document.getElementById('updates')?.remove();
    return;
  }
  if (paused) return;
  const seconds = Math.min(MOST_PAUSE_S, every * 2 ** Math.min(5, failures));
  // Readers who came at the same moment must not all come back at the same moment.
  timer = setTimeout(update, seconds * (800 + Math.random() * 400));
}

async function update() {
  if (!document.hidden) {
    try {
      const response = await fetch(refreshLink.href, {
        cache: 'no-cache',
        signal: AbortSignal.timeout(10_000),
      });
      if (!response.ok) throw new Error(String(response.status));
      swap(new DOMParser().parseFromString(await response.text(), 'text/html'));
      failures = 0;
      trouble.textContent = '';
    } catch {
      failures++;
      trouble.textContent = document.getElementById('updates').dataset.lost;
    }
  }
  schedule();
}

function swap(page) {
  const next = page.getElementById('live');
  const now = live();
  if (!next || (next.innerHTML === now.innerHTML && next.dataset.every === now.dataset.every)) return;
  // Whoever is reading a link inside with the keyboard keeps the place.
  const focused = now.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  now.replaceWith(document.adoptNode(next));
  const turned = document.title !== page.title || next.dataset.every !== now.dataset.every;
  document.title = page.title;
  if (focused) next.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  if (turned || performance.now() - lastSaid > QUIET_S * 1000) {
    lastSaid = performance.now();
    announcer.textContent = next.dataset.summary;
  }
}

if (refreshLink) {
  refreshLink.hidden = true;
  pauseButton.hidden = false;
  pauseButton.addEventListener('click', () => {
    paused = !paused;
    pauseButton.textContent = paused ? pauseButton.dataset.resume : pauseButton.dataset.pause;
    if (paused) clearTimeout(timer);
    else update();
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !paused) update();
  });
  schedule();
}
