"""The order and what it is made of: frozen records.

An order's `Document` is stored as JSON in its row; the typed fields of `Order` stand beside it as
columns. Money is `Decimal`, instants are `datetime` in UTC. Values that came from elsewhere keep the
id they had there (`Party.id`, `Line.id`, ...); the order's own foreign ids are its `names`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct, field

from .jobs import OPEN, Job

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=1_000)]
LongText = Annotated[str, Meta(max_length=10_000)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
ForeignId = Annotated[int, Meta(ge=-(2**53), le=2**53)]

# The records are gc=False: frozen, they can't be part of a cycle, and the collector need not look at them.

# An order's own id is n * BUCKETS + bucket, below 2**53 so that JavaScript reads it exactly.
BUCKETS = 4096
MAX_LINES = 4_000
MAX_VOUCHERS = 1_000
MAX_PAYMENTS = 1_000
MAX_NAMES = 32


class Party(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A customer, employee, receiver or user as one order knows it."""

    id: ForeignId | None = None
    reference: Name | None = None
    reference2: Text | None = None
    name: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    country: Text | None = None
    postal_code: Text | None = None


class Line(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One line of an order: `quantity` of an item at `unit_price`, in the order's currency."""

    id: ForeignId | None = None
    item: Name | None = None
    description: Text | None = None
    quantity: Decimal | None = None
    unit: Text | None = None
    unit_price: Decimal | None = None
    total: Decimal | None = None
    tax: Decimal | None = None
    attributes: dict[Name, Text] = field(default_factory=dict)


class PaymentMethod(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A means of payment, such as a cheque."""

    id: ForeignId | None = None
    reference: Name | None = None
    name: Text | None = None


class Payment(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One payment made towards an order."""

    id: ForeignId | None = None
    reference: Name | None = None
    amount: Decimal | None = None
    paid_at: datetime | None = None


class Delivery(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Where and when an order is delivered; `country` is an ISO 3166 alpha-2 code where known."""

    at: datetime | None = None
    comment: LongText | None = None
    country: Text | None = None
    city: Text | None = None
    postal_code: Text | None = None
    address: Text | None = None
    desired_at: datetime | None = None
    delivered_at: datetime | None = None
    assigned_at: datetime | None = None
    by: Party | None = None


class Visit(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Where the order was taken, in degrees, and when that visit began."""

    latitude: Decimal | None = None
    longitude: Decimal | None = None
    began_at: datetime | None = None


class HostingAccount(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The hosting account that the order is for."""

    number: Name | None = None


class PhotoTour(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a photo tour asks for; `due` is kept as the client wrote it."""

    service_type: Text | None = None
    services: tuple[Text, ...] = ()
    rush: bool | None = None
    due: Text | None = None
    external_id: Text | None = None
    property_address: Text | None = None


class Voucher(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One reward voucher. `code` and `pin` are sealed by the vault and opened only to be shown.

    `kind` is `code`, `code_pin`, `url` or `url_pin`; `amount` is in `currency`, the product's.
    """

    product_id: ForeignId | None = None
    kind: Word | None = None
    amount: Decimal | None = None
    currency: Currency | None = None
    exchange_rate: Decimal | None = None
    country: Text | None = None
    validity: Text | None = None
    tag: Text | None = None
    code: Text | None = None
    pin: Text | None = None


class NewVoucher(Struct, frozen=True, kw_only=True, gc=False):
    """A voucher as it is handed in: `code` and `pin` in clear, sealed by the operation that takes it."""

    voucher: Voucher
    code: str
    pin: str = ""

    def __repr__(self) -> str:
        return "NewVoucher(...)"


class Access(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Who may reach the order besides those who may reach every order of its organisation.

    `owner` is the SHA-256 digest (hex) of the anonymous owner's credential, `users` the ids of the
    persons it is associated with.
    """

    owner: str | None = None
    users: tuple[int, ...] = ()


class Document(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What varies by kind. Amounts are in the order's currency, `discount_percent` in percent."""

    names: dict[Word, Name] = field(default_factory=dict)
    access: Access | None = None
    total: Decimal | None = None
    total_excl_tax: Decimal | None = None
    total_discounted: Decimal | None = None
    discount_percent: Decimal | None = None
    discount_amount: Decimal | None = None
    tax_amount: Decimal | None = None
    shipping_fee: Decimal | None = None
    advance_amount: Decimal | None = None
    amount_charged: Decimal | None = None
    exchange_rate: Decimal | None = None
    customer: Party | None = None
    recorded_by: Party | None = None
    receiver: Party | None = None
    payment_method: PaymentMethod | None = None
    paid_at: datetime | None = None
    due_at: datetime | None = None
    payments: Annotated[tuple[Payment, ...], Meta(max_length=MAX_PAYMENTS)] = ()
    lines: Annotated[tuple[Line, ...], Meta(max_length=MAX_LINES)] = ()
    delivery: Delivery | None = None
    visit: Visit | None = None
    pdf_path: Text | None = None
    account: HostingAccount | None = None
    client_address: Text | None = None
    vouchers: Annotated[tuple[Voucher, ...], Meta(max_length=MAX_VOUCHERS)] = ()
    tag: Text | None = None
    notes: LongText | None = None
    tour: PhotoTour | None = None
    attributes: dict[Name, Text] = field(default_factory=dict)


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """One order as it stands (or stood). `placed_at` and `changed_at` are effective instants,
    `recorded_at` is when the book learned of its last change."""

    id: int
    organisation_id: int
    revision: int
    kind: str
    lifecycle: str
    payment: str | None
    delivery: str | None
    currency: str | None
    placed_at: datetime
    changed_at: datetime
    recorded_at: datetime
    stage_count: int
    group_order_id: str | None
    group_line: int | None
    document: Document


KINDS = frozenset({"order", "preorder", "invoice", "delivery_note", "delivery"})
LIFECYCLES = frozenset({"new", "processing", "complete", "cancelled"})
PAYMENTS = frozenset({"not_paid", "advance", "paid", "in_process"})
DELIVERIES = frozenset({"pending", "delivered", "rejected", "cancelled"})


class Rejection(Struct, frozen=True, kw_only=True, gc=False):
    """A row of an uploaded batch that could not be taken: where, why, and what stood there."""

    line: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    column: Annotated[str, Meta(max_length=255)]
    code: Word
    value: LongText


class GroupOrder(Struct, frozen=True, kw_only=True, gc=False):
    """Many orders uploaded together. `user_id` is the person who uploaded it.

    `accepted` and `rejected` are counted from its members and rejections, or by the import behind it
    (`job`), where there is one. The three paths name its files, where they exist.
    """

    id: str
    organisation_id: int
    user_id: int | None
    total: int
    accepted: int
    rejected: int
    normalised_path: str | None
    accepted_path: str | None
    rejected_path: str | None
    job_id: str | None
    created_at: datetime
    job: Job | None = None

    @property
    def is_complete(self) -> bool:
        """True when every row was either taken or rejected, or the import behind it has ended."""
        if self.job is not None:
            return self.job.state not in OPEN
        return self.accepted + self.rejected >= self.total


def bucket_of(order_id: int) -> int:
    """The bucket (0 to 4095) that every row of the order lives in."""
    return order_id % BUCKETS
