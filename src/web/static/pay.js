// Stripe's own fields, and what a bank wants to ask. Only pages that need them load this.
const asked = document.querySelector("[data-stripe-key]");
const stripe = asked && window.Stripe ? window.Stripe(asked.dataset.stripeKey, { locale: asked.dataset.locale }) : null;

function say(form, text) {
  const place = form.querySelector("[data-payment-fault]");
  place.textContent = text;
  place.hidden = !text;
}

// The form goes off with the token that Stripe made of what was typed; the card itself never does.
function showFields(form, { use, minor, currency, saves }) {
  const amount = use === "payment" ? { amount: Number(minor) } : {};
  const later = saves ? { setupFutureUsage: "off_session" } : {};
  const cards = { allowedPaymentMethodTypes: ["card"] }; // as the server asks for when it pays
  const elements = stripe.elements({ mode: use, currency, ...amount, ...later, ...cards });
  const wallets = { applePay: "never", googlePay: "never", link: "never" }; // nor may the page load them
  elements.create("payment", { wallets }).mount(form.querySelector("[data-payment-fields]"));
  form.addEventListener("submit", async (event) => {
    if (form.elements.method_token.value) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    const submitted = await elements.submit();
    const made = submitted.error ? submitted : await stripe.createConfirmationToken({ elements });
    button.disabled = false;
    if (made.error) return say(form, made.error.message);
    form.elements.method_token.value = made.confirmationToken.id;
    form.submit();
  });
}

// Whatever the bank answered, it is the payment company that we ask what came of it.
async function askBank(form, secret) {
  const { error } = await stripe.handleNextAction({ clientSecret: secret });
  const decided = !error || error.payment_intent || error.setup_intent;
  if (decided) form.submit();
  else say(form, error.message);
}

if (stripe) {
  const form = asked.closest("form");
  if (asked.dataset.secret) askBank(form, asked.dataset.secret);
  else showFields(form, asked.dataset);
} else if (asked) {
  say(asked.closest("form"), asked.dataset.missing);
}
