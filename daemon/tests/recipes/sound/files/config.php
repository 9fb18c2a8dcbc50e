<?php
define('TITLE', {{ answers.title | php }});
define('CONTACT', {{ answers.contact | php }});
define('DB_PASSWORD', {{ secrets.db_password | php }});
define('PLACES', {{ answers.places | int | php }});
{% if answers.open == "true" %}
define('OPEN', {{ answers.open | bool | php }});
{% endif %}
define('PROXIES', [{% for network in box.proxies | split(",") %}{{ network | php }}, {% endfor %}]);
