"""What is checked of trades, quotes and values, beside what holds for bars, too (``flatfile.quality``).

Where do I go to…
    change a rule for each row?                          tick_rules.py
    change what only the whole day shows?                whole_day.py
    change what is said of the rows' order?              file_order.py
"""
