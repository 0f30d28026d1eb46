"""The layouts: bars as stored today; trades, quotes and values as the vendor's pages and clients describe them."""

from polygon_assets.datasets.model import MINUTE, Column, Layout

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
BARS_OF_INDICES = bars(TICKER, OPEN, CLOSE, HIGH, LOW, WINDOW_START)

_EXCHANGE = Column("exchange", "int16", "The vendor's number of the exchange.")
_CORRECTION = Column("correction", "int16", "0, or the code of the correction.")
_CONDITIONS = Column("conditions", "string", "Codes of the conditions, with commas between; empty where there is none.")
_SIP_TIMESTAMP = Column("sip_timestamp", "timestamp[ns, UTC]", "When the SIP received it, UTC.", searched=True)
_PARTICIPANT_TIMESTAMP = Column(
    "participant_timestamp", "timestamp[ns, UTC]", "When the exchange made it, UTC.", nullable=True
)
_TRF_TIMESTAMP = Column(
    "trf_timestamp", "timestamp[ns, UTC]", "When the trade reporting facility received it, UTC.", nullable=True
)
_SEQUENCE_NUMBER = Column("sequence_number", "int64", "Position in the ticker's sequence of messages.")
_TAPE = Column("tape", "int16", "1, 2 or 3: the tape that lists the ticker.")
_PRICE = Column("price", "float64", "US dollars, unadjusted.")
_SIZE = Column("size", "float64", "Shares or contracts; decimal for stocks since 2026-02-23.", byte_stream_split=True)
_ASK_EXCHANGE = Column("ask_exchange", "int16", "The vendor's number of the exchange of the ask.")
_ASK_PRICE = Column("ask_price", "float64", "US dollars; 0 where there is no ask.")
_ASK_SIZE = Column("ask_size", "float64", "Shares or contracts offered.", byte_stream_split=True)
_BID_EXCHANGE = Column("bid_exchange", "int16", "The vendor's number of the exchange of the bid.")
_BID_PRICE = Column("bid_price", "float64", "US dollars; 0 where there is no bid.")
_BID_SIZE = Column("bid_size", "float64", "Shares or contracts wanted.", byte_stream_split=True)

STOCK_TRADES = Layout(
    name="trades",
    columns=(
        TICKER,
        _CONDITIONS,
        _CORRECTION,
        _EXCHANGE,
        Column("id", "string", "The trade's identifier: text, though it looks like a number."),
        _PARTICIPANT_TIMESTAMP,
        _PRICE,
        _SEQUENCE_NUMBER,
        _SIP_TIMESTAMP,
        _SIZE,
        _TAPE,
        Column("trf_id", "int16", "The trade reporting facility's number.", nullable=True),
        _TRF_TIMESTAMP,
    ),
    time=_SIP_TIMESTAMP.name,
    identity=(TICKER.name, "exchange", "trf_id", "id"),
)
STOCK_QUOTES = Layout(
    name="quotes",
    columns=(
        TICKER,
        _ASK_EXCHANGE,
        _ASK_PRICE,
        _ASK_SIZE,
        _BID_EXCHANGE,
        _BID_PRICE,
        _BID_SIZE,
        _CONDITIONS,
        Column("indicators", "string", "Codes of the indicators, with commas between; empty where there is none."),
        _PARTICIPANT_TIMESTAMP,
        _SEQUENCE_NUMBER,
        _SIP_TIMESTAMP,
        _TAPE,
        _TRF_TIMESTAMP,
    ),
    time=_SIP_TIMESTAMP.name,
    identity=(TICKER.name, _SIP_TIMESTAMP.name, _SEQUENCE_NUMBER.name),
)
VALUES = Layout(
    name="values",
    columns=(
        TICKER,
        Column("value", "float64", "The index' value, in its own points."),
        Column("timestamp", "timestamp[ns, UTC]", "When the value was computed, UTC.", searched=True),
    ),
    time="timestamp",
    identity=(TICKER.name, "timestamp"),
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
