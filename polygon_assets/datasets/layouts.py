"""The layouts: what the columns of bars, trades, quotes and values are, in the vendor's order."""

from dataclasses import replace

from polygon_assets.datasets.model import MICROSECOND, MINUTE, Column, Layout

TICKER = Column(
    "ticker",
    "string",
    "Symbol as the vendor writes it, case-sensitive; renamed and reused over the years.",
    searched=True,
)
VOLUME = Column(
    "volume",
    "float64",
    "Shares or contracts traded; decimal for stocks since 2026-02-23.",
    byte_stream_split=True,
)
OPEN = Column("open", "float64", "First price of the window, US dollars, not adjusted for splits or dividends.")
CLOSE = Column("close", "float64", "Last price of the window, US dollars, unadjusted.")
HIGH = Column("high", "float64", "Highest price of the window, US dollars, unadjusted.")
LOW = Column("low", "float64", "Lowest price of the window, US dollars, unadjusted.")
WINDOW_START = Column("window_start", "timestamp[us, UTC]", "Start of the window, UTC.", searched=True)
TRANSACTIONS = Column("transactions", "int64", "Number of trades in the window.", byte_stream_split=True)


def bars(*columns: Column) -> Layout:
    """Bars of a day or a minute, with ``columns`` in the file's order."""
    return Layout(
        name="bars",
        columns=columns,
        time=WINDOW_START.name,
        granularity=MINUTE,
        identity=(TICKER.name, WINDOW_START.name),
    )


BARS = bars(TICKER, VOLUME, OPEN, CLOSE, HIGH, LOW, WINDOW_START, TRANSACTIONS)
BARS_OF_INDICES = bars(
    TICKER,
    *(replace(each, description=each.description.partition(",")[0] + ", in the index' points.") for each in
      (OPEN, CLOSE, HIGH, LOW)),
    WINDOW_START,
)  # fmt: skip
BARS_OF_CURRENCIES = bars(
    TICKER,
    replace(VOLUME, description="Units of the first currency traded or, of foreign exchange, as the vendor counts."),
    *(
        replace(
            each,
            description=each.description.partition(",")[0] + ", units of the second currency for one of the first.",
        )
        for each in (OPEN, CLOSE, HIGH, LOW)
    ),
    WINDOW_START,
    TRANSACTIONS,
)

_EXCHANGE = Column("exchange", "int16", "The vendor's number of the exchange.", nullable=True)
_CORRECTION = Column("correction", "int16", "0, or the code of the correction.", nullable=True)
_CONDITIONS = Column(
    "conditions", "list<int16>", "Codes of the conditions; an empty list where there are none. Null: no list of codes."
)
_INDICATORS = Column(
    "indicators", "list<int16>", "Codes of the indicators; an empty list where there are none. Null: no list of codes."
)
_ID = Column("id", "string", "The trade's identifier: text, though it looks like a number.")
_SIP_TIMESTAMP = Column(
    "sip_timestamp", "timestamp[ns, UTC]", "When the SIP received it, UTC.", delta=True, searched=True
)
_PARTICIPANT_TIMESTAMP = Column(
    "participant_timestamp",
    "timestamp[ns, UTC]",
    "When the exchange made it, UTC. Null: not told (0 or empty in the file).",
    nullable=True,
    zero_is_null=True,
    delta=True,
)
_TRF_TIMESTAMP = Column(
    "trf_timestamp",
    "timestamp[ns, UTC]",
    "When the trade reporting facility received it, UTC. Null: none took part (0 in the file).",
    nullable=True,
    zero_is_null=True,
)
_SEQUENCE_NUMBER = Column(
    "sequence_number", "int64", "Position in the ticker's sequence of messages.", nullable=True, delta=True
)
_TAPE = Column("tape", "int16", "1, 2 or 3: the tape that lists the ticker.", nullable=True)
_PRICE = Column("price", "float64", "US dollars, unadjusted.")
_SIZE = Column("size", "float64", "Shares or contracts; decimal for stocks since 2026-02-23.")
_ASK_EXCHANGE = Column("ask_exchange", "int16", "The vendor's number of the exchange of the ask.", nullable=True)
_ASK_PRICE = Column("ask_price", "float64", "US dollars; 0 or null where there is no ask.", nullable=True)
_ASK_SIZE = Column("ask_size", "float64", "Shares, lots or contracts offered.", nullable=True)
_BID_EXCHANGE = Column("bid_exchange", "int16", "The vendor's number of the exchange of the bid.", nullable=True)
_BID_PRICE = Column("bid_price", "float64", "US dollars; 0 or null where there is no bid.", nullable=True)
_BID_SIZE = Column("bid_size", "float64", "Shares, lots or contracts wanted.", nullable=True)
_MADE_AT = replace(_PARTICIPANT_TIMESTAMP, nullable=False, zero_is_null=False, searched=True, description="When, UTC.")


def ticks(
    name: str, *columns: Column, time: Column, identity: tuple[str, ...] = (), sequence: Column | None = None
) -> Layout:
    """Trades, quotes or values, with ``columns`` in the file's order, in which they are published, too."""
    return Layout(
        name=name,
        columns=columns,
        time=time.name,
        identity=identity or (TICKER.name, time.name),
        is_sorted=False,
        sequence=sequence.name if sequence else None,
        parquet_per_source_byte=0.8,
    )


STOCK_TRADES = ticks(
    "trades",
    TICKER,
    _CONDITIONS,
    _CORRECTION,
    _EXCHANGE,
    _ID,
    _PARTICIPANT_TIMESTAMP,
    _PRICE,
    _SEQUENCE_NUMBER,
    _SIP_TIMESTAMP,
    _SIZE,
    _TAPE,
    Column(
        "trf_id",
        "int16",
        "The trade reporting facility's number. Null: none took part (0 in the file).",
        nullable=True,
        zero_is_null=True,
    ),
    _TRF_TIMESTAMP,
    time=_SIP_TIMESTAMP,
    identity=(TICKER.name, "exchange", "trf_id", "id"),
    sequence=_SEQUENCE_NUMBER,
)
STOCK_QUOTES = ticks(
    "quotes",
    TICKER,
    _ASK_EXCHANGE,
    _ASK_PRICE,
    _ASK_SIZE,
    _BID_EXCHANGE,
    _BID_PRICE,
    _BID_SIZE,
    _CONDITIONS,
    _INDICATORS,
    _PARTICIPANT_TIMESTAMP,
    _SEQUENCE_NUMBER,
    _SIP_TIMESTAMP,
    _TAPE,
    _TRF_TIMESTAMP,
    time=_SIP_TIMESTAMP,
    identity=(TICKER.name, _SIP_TIMESTAMP.name, _SEQUENCE_NUMBER.name),
    sequence=_SEQUENCE_NUMBER,
)
OPTION_TRADES = ticks(
    "trades", TICKER, _CONDITIONS, _CORRECTION, _EXCHANGE, _PRICE, _SIP_TIMESTAMP, _SIZE, time=_SIP_TIMESTAMP
)
OPTION_QUOTES = ticks(
    "quotes",
    TICKER,
    _ASK_EXCHANGE,
    _ASK_PRICE,
    _ASK_SIZE,
    _BID_EXCHANGE,
    _BID_PRICE,
    _BID_SIZE,
    _SEQUENCE_NUMBER,
    _SIP_TIMESTAMP,
    time=_SIP_TIMESTAMP,
    identity=(TICKER.name, _SIP_TIMESTAMP.name, _SEQUENCE_NUMBER.name),
    sequence=_SEQUENCE_NUMBER,
)
_COMPUTED_AT = Column("timestamp", "timestamp[ns, UTC]", "When the value was computed, UTC.", delta=True, searched=True)
VALUES = ticks(
    "values", TICKER, Column("value", "float64", "The index' value, in its own points."), _COMPUTED_AT,
    time=_COMPUTED_AT,
)  # fmt: skip
FOREX_QUOTES = ticks(
    "quotes",
    TICKER,
    _ASK_EXCHANGE,
    replace(_ASK_PRICE, description="Units of the second currency for one of the first; 0 or null: no ask."),
    _BID_EXCHANGE,
    replace(_BID_PRICE, description="Units of the second currency for one of the first; 0 or null: no bid."),
    _MADE_AT,
    time=_MADE_AT,
)
CRYPTO_TRADES = ticks(
    "trades",
    TICKER,
    _CONDITIONS,
    _EXCHANGE,
    _ID,
    _MADE_AT,
    replace(_PRICE, description="Units of the second currency for one of the first."),
    replace(_SIZE, description="Units of the first currency."),
    time=_MADE_AT,
    identity=(TICKER.name, "exchange", "id"),
)

_AT = Column("timestamp", "timestamp[ns, UTC]", "When, UTC.", delta=True, searched=True)
_REPORT_SEQUENCE = Column(
    "report_sequence",
    "int64",
    "Position in the exchange's sequence of reports.",
    nullable=True,
    optional=True,
    delta=True,
)
_FUTURES_SEQUENCE = replace(_SEQUENCE_NUMBER, optional=True)
_SESSION_END_DATE = Column(
    "session_end_date", "date32", "The date on which the trading session ends: the day of the file.", nullable=True
)
_FUTURES_PRICE = "In the contract's own quotation; spreads, and outrights at times, are negative."
_FUTURES_SIZE = replace(_SIZE, description="Contracts.")
FUTURES_TRADES = ticks(
    "trades",
    TICKER,
    _AT,
    _FUTURES_SEQUENCE,
    _REPORT_SEQUENCE,
    replace(_PRICE, description=_FUTURES_PRICE),
    _FUTURES_SIZE,
    replace(_CORRECTION, optional=True),
    _EXCHANGE,
    _SESSION_END_DATE,
    replace(_CONDITIONS, optional=True),
    time=_AT,
    identity=(TICKER.name, _AT.name, _SEQUENCE_NUMBER.name, "report_sequence"),
    sequence=_SEQUENCE_NUMBER,
)
FUTURES_QUOTES = ticks(
    "quotes",
    TICKER,
    _AT,
    _FUTURES_SEQUENCE,
    _REPORT_SEQUENCE,
    replace(
        _MADE_AT, name="ask_timestamp", nullable=True, zero_is_null=True, searched=False, description="Of the ask."
    ),
    replace(_ASK_PRICE, description=f"{_FUTURES_PRICE} Null: no ask."),
    replace(_ASK_SIZE, description="Contracts offered; null: no ask."),
    replace(
        _MADE_AT, name="bid_timestamp", nullable=True, zero_is_null=True, searched=False, description="Of the bid."
    ),
    replace(_BID_PRICE, description=f"{_FUTURES_PRICE} Null: no bid."),
    replace(_BID_SIZE, description="Contracts wanted; null: no bid."),
    _EXCHANGE,
    _SESSION_END_DATE,
    time=_AT,
    identity=(TICKER.name, _AT.name, _SEQUENCE_NUMBER.name, "report_sequence"),
    sequence=_SEQUENCE_NUMBER,
)
_FUTURES_BARS = (
    TICKER,
    _EXCHANGE,
    _SESSION_END_DATE,
    WINDOW_START,
    *(replace(each, description=each.description.partition(",")[0] + ". " + _FUTURES_PRICE) for each in
      (OPEN, HIGH, LOW, CLOSE)),
    replace(VOLUME, description="Contracts traded."),
    Column("dollar_volume", "float64", "US dollars traded.", nullable=True, optional=True),
    TRANSACTIONS,
)  # fmt: skip
FUTURES_MINUTES = bars(*_FUTURES_BARS)
FUTURES_SESSIONS = replace(
    bars(
        *_FUTURES_BARS,
        Column(
            "settlement_price",
            "float64",
            "The session's settlement, where the file has it.",
            nullable=True,
            optional=True,
        ),
    ),
    granularity=MICROSECOND,
)

FUTURES_COLUMNS = (
    Column(
        "root",
        "string",
        "What is traded: the ticker without its month, ES of ESU6. Null: the ticker does not parse.",
        searched=True,
    ),
    Column("kind", "string", "outright, spread or combination. Null: the ticker does not parse."),
    Column(
        "expiry",
        "date32",
        "First day of the contract's month, of the first leg where there are several. A year of one digit is the first "
        "one not before the month before the file's day. Null: the ticker does not parse.",
    ),
)
OPTION_COLUMNS = (
    Column(
        "underlying",
        "string",
        "Root symbol of the contract; adjusted roots hold digits. Null: no OCC ticker.",
        searched=True,
    ),
    Column("expiration", "date32", "Expiration date of the contract. Null: the ticker does not parse."),
    Column("option_type", "string", "call or put. Null: the ticker does not parse."),
    Column("strike", "float64", "Strike price, US dollars. Null: the ticker does not parse.", byte_stream_split=True),
)
