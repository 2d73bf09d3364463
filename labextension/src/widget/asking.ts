/* What the two kinds of questions share: a group of controls that sends one answer and says what became of it. */
import type { Channel } from './channel';
import { el } from './dom';
import type { Action, Question } from './messages';

export type Answer = Omit<Extract<Action, { t: 'answer' }>, 't' | 'question'>;

export abstract class Asking {
  readonly element: HTMLElement;
  private readonly note = el('span', { class: 'nbagents-note', role: 'status' });

  constructor(
    readonly question: Question,
    label: string,
    private readonly channel: () => Channel,
  ) {
    this.element = el('div', { class: 'nbagents-asking', role: 'group', 'aria-label': label, tabindex: '0' });
    this.element.addEventListener('keydown', event => this.key(event));
  }

  /** Where the keyboard should be when this question is new. */
  focus(): void {
    this.element.focus({ preventScroll: true });
  }

  protected abstract key(event: KeyboardEvent): void;

  protected fill(...children: Node[]): void {
    this.element.replaceChildren(...children, this.note);
  }

  protected say(text: string): void {
    this.note.textContent = text;
  }

  protected send(answer: Answer): void {
    if (this.element.dataset.sent) return;
    // A control that is disabled loses the focus to the page.
    if (this.element.contains(document.activeElement)) this.element.focus({ preventScroll: true });
    this.enable(false);
    this.say('sent');
    let busy = 0;
    this.channel().act(
      { t: 'answer', question: this.question.id, ...answer },
      {
        // The kernel has it; the question goes away when the run's loop is free to take it.
        acknowledged: () => {
          busy = window.setTimeout(() => this.say('sent · waiting for the kernel'), 3000);
        },
        refused: message => {
          clearTimeout(busy);
          this.enable(true);
          this.say(message);
        },
        silent: () => {
          this.enable(true);
          this.say('waiting for the kernel: it is busy');
        },
      },
    );
  }

  private enable(enabled: boolean): void {
    if (enabled) delete this.element.dataset.sent;
    else this.element.dataset.sent = 'true';
    for (const control of this.element.querySelectorAll<HTMLButtonElement | HTMLTextAreaElement>('button, textarea')) {
      control.disabled = !enabled;
    }
  }
}

/** A text box that grows with its text. */
export function textBox(label: string, value: string, className = ''): HTMLTextAreaElement {
  const box = el('textarea', { class: `nbagents-text ${className}`, 'aria-label': label, spellcheck: 'false' });
  box.value = value;
  const fit = (): void => {
    box.rows = Math.min(24, Math.max(box.value.split('\n').length, className ? 3 : 1));
  };
  box.addEventListener('input', fit);
  fit();
  return box;
}
