/* May this block run? Run, edit, reject with a reason, or allow all of this agent; by mouse and by keyboard. */
import { Asking, textBox } from './asking';
import type { Channel } from './channel';
import { button, el } from './dom';
import type { Question } from './messages';

export class Approval extends Asking {
  private mode: 'choose' | 'edit' | 'reject' = 'choose';
  private edited: string;

  constructor(question: Question, channel: () => Channel) {
    super(question, `Decide on block ${question.number} of ${question.agent}`, channel);
    this.edited = question.code ?? '';
    this.choose();
  }

  private choose(): void {
    this.enter('choose');
    this.fill(
      keyed(button('Run', 'nbagents-primary', () => this.send({ decision: 'run' })), '⏎', 'Enter'),
      keyed(button('Edit', '', () => this.edit()), 'e', 'e'),
      keyed(button('Reject…', '', () => this.reject()), 'r', 'r'),
      button(`Run all from ${this.question.agent}`, 'nbagents-quiet', () => this.send({ decision: 'allow' })),
    );
  }

  private edit(): void {
    this.enter('edit');
    const box = textBox(`Code of block ${this.question.number}`, this.edited, 'nbagents-code');
    box.addEventListener('input', () => (this.edited = box.value));
    const run = button('Run edited', 'nbagents-primary', () => this.send({ decision: 'edit', code: box.value }));
    this.fill(box, keyed(run, '⌃⏎', 'Control+Enter Meta+Enter'), button('Cancel', '', () => this.leave()));
    box.focus();
  }

  private reject(): void {
    this.enter('reject');
    const box = textBox('Why it must not run', '');
    box.placeholder = `What should ${this.question.agent} do instead?`;
    const send = button('Reject', 'nbagents-danger', () => this.send({ decision: 'reject', text: box.value.trim() }));
    this.fill(box, send, button('Cancel', '', () => this.leave()));
    box.focus();
  }

  private leave(): void {
    this.choose();
    this.focus();
  }

  private enter(mode: Approval['mode']): void {
    this.mode = mode;
    this.element.dataset.mode = mode;
    this.say('');
  }

  protected key(event: KeyboardEvent): void {
    const { key, target } = event;
    if (event.isComposing) return;
    if (target instanceof HTMLTextAreaElement) return this.keyInText(event, target);
    if (this.mode !== 'choose' || event.ctrlKey || event.metaKey || event.altKey) return;
    // Enter on a button presses that button.
    if (key === 'Enter' && target === this.element) this.send({ decision: 'run' });
    else if (key === 'e') this.edit();
    else if (key === 'r') this.reject();
    else return;
    event.preventDefault();
  }

  private keyInText(event: KeyboardEvent, box: HTMLTextAreaElement): void {
    const { key } = event;
    if (key === 'Escape') this.leave();
    else if (this.mode === 'edit' && key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      this.send({ decision: 'edit', code: box.value });
    } else if (this.mode === 'reject' && key === 'Enter' && !event.shiftKey) {
      this.send({ decision: 'reject', text: box.value.trim() });
    } else if (this.mode === 'edit' && key === 'Tab' && !event.shiftKey) {
      box.setRangeText('    ', box.selectionStart, box.selectionEnd, 'end');
      this.edited = box.value;
    } else return;
    event.preventDefault();
  }
}

function keyed(pressed: HTMLButtonElement, shown: string, keys: string): HTMLButtonElement {
  pressed.setAttribute('aria-keyshortcuts', keys);
  pressed.append(el('kbd', { 'aria-hidden': 'true' }, shown));
  return pressed;
}
